"""Everything that needs TensorFlow or Keras."""
