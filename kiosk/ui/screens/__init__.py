"""Screens: functions from a view-model to a tree of nodes. They decide where things stand and nothing else."""
