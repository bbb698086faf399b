"""Everything that needs TensorFlow, Keras or LiteRT; the rest of the package sees protocols and arrays."""
