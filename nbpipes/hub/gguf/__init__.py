"""GGUF, the one-file format of llama.cpp: a model with its config and tokenizer, often with weights of few bits."""
