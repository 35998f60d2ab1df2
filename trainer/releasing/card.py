"""The model card of a training run: the record of the run (training.json) in, the text of README.md out."""

from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

BODY = """---
{metadata}
---

# {name}

A species-aware DNA encoder: a sequence in, one vector of {hidden_size} numbers out; sequences of one species lie close
together. {parameters:,} parameters, {layers} layers, pooling `{pooling}`, ALiBi (no limit on length but memory),
trained with `{curriculum}`{base}.

## Use

```python
from transformers import AutoModel, AutoTokenizer

model = AutoModel.from_pretrained("{name}", trust_remote_code=True)
tokenizer = AutoTokenizer.from_pretrained("{name}", trust_remote_code=True)
tokens = tokenizer(["ACGTTGCA", "acgttgcn"], padding=True, return_tensors="pt")
vectors = model(**tokens).pooler_output  # (2, {hidden_size})
```

`SentenceTransformer("{name}", trust_remote_code=True).encode(sequences)` gives the same vectors, and so does
`dnacse embed IN.fasta -o OUT.parquet --model {name}`{strands}.

## Training data

{data}

The licence is not stated: it depends on the base model and on the data. Add it before you publish.

## Training

{steps:,} steps{progress}, {seconds:,.0f} seconds on {processes} of {device}; released: step {released_step:,}; \
{versions}.

| argument | value |
|---|---|
{arguments}

## Results

{results}
"""


def model_card(name: str, run: dict[str, Any], config: Any, parameters: int) -> str:
    """Render the card from `run`, the record that training_record.py makes."""
    rows = [f"| `--{key}` | `{value}` |" for key, value in run["arguments"].items()]
    data = [
        f"- {part}: {facts['records']:,} records of {facts['species']:,} species, from "
        + ", ".join(f"`{source}`" for source in facts["sources"])
        for part, facts in run["data"].items()
    ]
    validation, dataset = run["validation"], run["dataset"]
    results, scores = "Not validated.", None
    if validation:
        results = (
            f"On {run['data']['validation']['pairs']:,} validation pairs: recall@1 {validation['recall_at_1']:.4f} "
            f"(how often the other view of a pair is the nearest of all), loss {validation['loss']:.4f}."
        )
        scores = [
            EvalResult(
                task_type="feature-extraction",
                dataset_type=dataset["name"] if dataset else "validation-pairs",
                dataset_name="validation pairs",
                dataset_revision=dataset["revision"] if dataset else None,
                metric_type=metric,
                metric_value=round(validation[metric], 4),
            )
            for metric in ("recall_at_1", "loss")
        ]
    metadata = ModelCardData(
        model_name=name,
        library_name="transformers",
        pipeline_tag="feature-extraction",
        tags=["biology", "genomics", "dna", "sentence-transformers", "custom_code"],
        datasets=[dataset["name"]] if dataset else None,
        base_model=run["base_model"] if "/" in (run["base_model"] or "") else None,  # only a Hub id, not a folder
        eval_results=scores,
    )
    text = BODY.format(
        metadata=metadata.to_yaml(),
        name=name,
        hidden_size=config.hidden_size,
        layers=config.num_hidden_layers,
        pooling=config.pooling,
        parameters=parameters,
        curriculum=run["arguments"]["curriculum"],
        base=f" from `{run['base_model']}`" if run["base_model"] else " from scratch",
        strands=", but as the mean over both strands" if config.both_strands else "",
        data="\n".join(data),
        steps=run["steps"],
        progress=f" of {run['planned_steps']:,}, training goes on" if run["steps"] < run["planned_steps"] else "",
        released_step=run["released_step"],
        seconds=run["seconds"],
        processes=f"{run['processes']:,} {'process' if run['processes'] == 1 else 'processes'}",
        device=run["device"],
        versions=", ".join(f"{package} {version}" for package, version in run["versions"].items()),
        arguments="\n".join(rows),
        results=results,
    )
    return str(ModelCard(text))
