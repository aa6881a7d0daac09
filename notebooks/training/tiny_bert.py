"""A small BERT sentence classifier for training, with dropout and with Hugging Face's parameter names."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def named(**children: nn.Module) -> nn.Module:
    """A module that only gives its children the names under which a checkpoint stores them."""
    group = nn.Module()
    for name, child in children.items():
        group.add_module(name, child)
    return group


class Layer(nn.Module):
    """Self-attention and a feed-forward block, each added to its input and normalised."""

    def __init__(self, config: dict) -> None:
        super().__init__()
        width, inner = config["hidden_size"], config["intermediate_size"]

        def norm() -> nn.LayerNorm:
            return nn.LayerNorm(width, eps=config["layer_norm_eps"])

        query, key, value = (nn.Linear(width, width) for _ in range(3))
        self.attention = named(
            self=named(query=query, key=key, value=value),
            output=named(dense=nn.Linear(width, width), LayerNorm=norm()),
        )
        self.intermediate = named(dense=nn.Linear(width, inner))
        self.output = named(dense=nn.Linear(inner, width), LayerNorm=norm())
        self.heads, self.rate = config["num_attention_heads"], config["hidden_dropout_prob"]

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        attention, output = self.attention.self, self.attention.output
        q, k, v = (
            part(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (attention.query, attention.key, attention.value)
        )
        rate = self.rate if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=rate)
        mixed = output.dense(mixed.transpose(1, 2).flatten(-2))
        x = output.LayerNorm(x + F.dropout(mixed, self.rate, self.training))
        inner = self.output.dense(F.gelu(self.intermediate.dense(x)))
        return self.output.LayerNorm(x + F.dropout(inner, self.rate, self.training))


class Classifier(nn.Module):
    """BertForSequenceClassification: one logit per label from the first token."""

    def __init__(self, config: dict, labels: int) -> None:
        super().__init__()
        width = config["hidden_size"]
        self.rate, self.head_rate = config["hidden_dropout_prob"], config["classifier_dropout"]
        self.bert = named(
            embeddings=named(
                word_embeddings=nn.Embedding(config["vocab_size"], width),
                position_embeddings=nn.Embedding(config["max_position_embeddings"], width),
                token_type_embeddings=nn.Embedding(config["type_vocab_size"], width),
                LayerNorm=nn.LayerNorm(width, eps=config["layer_norm_eps"]),
            ),
            encoder=named(layer=nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))),
            pooler=named(dense=nn.Linear(width, width)),
        )
        self.classifier = nn.Linear(width, labels)
        self.apply(start)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Logits (batch, labels) of token ids (batch, tokens); `mask` is True where there is a token."""
        embeddings = self.bert.embeddings
        x = embeddings.word_embeddings(ids) + embeddings.position_embeddings.weight[: ids.shape[1]]
        x = embeddings.LayerNorm(x + embeddings.token_type_embeddings.weight[0])
        x = F.dropout(x, self.rate, self.training)
        for layer in self.bert.encoder.layer:
            x = layer(x, mask[:, None, None, :])
        pooled = torch.tanh(self.bert.pooler.dense(x[:, 0]))
        return self.classifier(F.dropout(pooled, self.head_rate, self.training))


def start(module: nn.Module) -> None:
    """Initial weights, wider than a full BERT's (0.02): from those so narrow a model is slow to learn negation."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.05)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
