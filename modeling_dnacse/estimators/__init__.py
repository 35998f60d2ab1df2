"""scikit-learn's view of the package: `DnaEmbedder` and `BarcodeClassifier`, which take lists of sequences."""
