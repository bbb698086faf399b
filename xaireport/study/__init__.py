"""Study files to frozen specifications: found, read, resolved, checked."""
