"""Estimators for scikit-learn: `DnaEmbedder` and `BarcodeClassifier`, which take lists of sequences."""
