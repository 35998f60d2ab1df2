"""The name of a model in, its encoder and tokenizer out: from checkpoints, ONNX graphs, in int8."""
