"""The steps of a build, one module each: read what earlier steps stored, call one room, store the result.

Each has ``run(context, params)``. No step decides anything of its own; ``graph`` says which reads what.
"""
