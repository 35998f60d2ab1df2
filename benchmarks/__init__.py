"""Evaluation of saved or pushed checkpoints: methods, tasks, results, tables, plots. Run from a checkout."""
