"""TFLite files: made from a parent, read, run, and measured."""
