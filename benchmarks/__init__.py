"""Evaluation of saved or pushed checkpoints: embedders, tasks, results, tables, plots. Run from a checkout."""
