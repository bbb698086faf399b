"""Keras models: opened, asked, looked into, written."""
