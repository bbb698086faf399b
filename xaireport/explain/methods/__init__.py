"""Methods of explanation: from a classifier and images to maps."""
