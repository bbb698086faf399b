"""The pipeline: from a request to a graph of nodes, each of which runs a stage."""
