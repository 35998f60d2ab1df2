"""Names of models in; encoders with their tokenizers out: checkpoints, ONNX graphs, int8."""
