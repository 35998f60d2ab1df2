"""DnacseConfig: the architecture of the encoder, and how token states become one vector. It holds nothing of training.

The published DNABERT-2 and DNABERT-S repositories have a BERT config, which `DnacseConfig` reads too. It keeps what
describes the architecture. It sets the pad id to 3, as in the tokenizer; the published files say 0. It drops limits on
positions, since ALiBi has none.
"""

from dataclasses import fields
from typing import Any, Literal

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

AUTO_MAP = {
    "AutoConfig": "configuration_dnacse.DnacseConfig",
    "AutoModel": "modeling_dnacse.DnacseModel",
    "AutoModelForMaskedLM": "modeling_dnacse.DnacseForMaskedLM",
    "AutoModelForSequenceClassification": "modeling_dnacse.DnacseForSequenceClassification",
}
PAD_TOKEN_ID = 3  # [UNK] 0, [CLS] 1, [SEP] 2, [PAD] 3, [MASK] 4
LONGEST_KMER = 11  # its table has 2 million rows


@strict
class DnacseConfig(PreTrainedConfig):
    """The architecture of a DNACSE encoder; by default that of DNABERT-2, with 117 million parameters.

    Args:
        hidden_act: activation of the masked-language head. The gated MLP of the encoder always uses exact GELU, as in
            DNABERT-2.
        kmer: length k, odd, of the k-mers that are embedded beside the tokens (kmers.py); 0: no k-mers, as in
            DNABERT-2.
        vocabulary: the tokens in the order of their ids, separated by spaces. A model with k-mers needs it to know how
            its tokens are spelled; `load_config` takes it from a tokenizer.
        gene_sites: length of the axis of sites on which the k-mers of a sequence vote for its offset (placement.py);
            0: no placement, as in DNABERT-2.
        site_kmer: length k of those k-mers.
        site_candidates: how many sites the table keeps of each k-mer.
        site_block: bases of a block that may have an offset of its own, for indels (local_offsets.py); 0: one offset
            per sequence.
        site_support: a base counts as covered if it is within this many bases of a k-mer that votes for the offset; 0:
            all bases count. If it is above 0, only sequences with uncovered bases get offsets of blocks.
        site_reach: how far the offset of a block may lie from that of its sequence, in bases.
        markers: names of the markers that lie one after another on the axis of sites; None: one marker.
        marker_starts: the first site of each of them.
        sites: how many sites have embeddings, one for each of the four bases (sites.py); 0: none.
        site_blocks: widths of the blocks of columns, each of which is scaled to length 1; they add up to hidden_size.
        least_share: a sequence with fewer votes per k-mer (0 to 1) counts as of no marker in the table. Its vector
            then comes from its k-mers of length `kmer`.
        least_sites: how many sites with embeddings a sequence must cover; below that its vector comes from its k-mers.
        pooling: how token states become one vector. "mean": their mean over the attention mask, with [CLS] and [SEP];
            "mean_last_two": the same, of the average of the last layer's input and output; "cls": the state of the
            first token; "cls_tanh": tanh(W x + b) of that state, with trained weights (DNACSE).
        both_strands: whether `embed` gives the mean of the vectors of a sequence and of its reverse complement. The
            model itself sees one strand at a time.
        projection_size: width of the features that the contrastive losses see. The released model has no projection.
        species_similarity: threshold of `dnacse cluster`: two clusters with at least this average cosine are merged as
            one species; None: unknown. `dnacse calibrate` finds it.
        species_merges: numbers, separated by spaces, by which `dnacse cluster` decides whether two clusters are of one
            species: a constant, and the weights of features of their tree and of a vector; None: it cuts at barcode
            gaps. Only for a model with sites; `trainer/fit_merges.py` finds them.
        held_out: of the records that `dnacse adapt` left out of the fit, the first 8 hexadecimal digits of the SHA-256
            of each id, separated by spaces: `dnacse identify` calibrates on these, if its library holds them.
        bin_similarity: threshold of `dnacse bin`: the cosine that makes two contigs neighbours; None: unknown.
    """

    model_type = "dnacse"

    vocab_size: int = 4096
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float | int = 0.1
    attention_probs_dropout_prob: float | int = 0.0
    classifier_dropout: float | int | None = None
    type_vocab_size: int = 2
    initializer_range: float | int = 0.02
    layer_norm_eps: float | int = 1e-12
    pad_token_id: int | None = PAD_TOKEN_ID
    tie_word_embeddings: bool = True
    kmer: int = 0
    vocabulary: str | None = None
    gene_sites: int = 0
    site_kmer: int = 9
    site_candidates: int = 2
    site_block: int = 0
    site_support: int = 0
    site_reach: int = 30
    markers: list[str] | None = None
    marker_starts: list[int] | None = None
    sites: int = 0
    site_blocks: list[int] | None = None
    least_share: float | int = 0.08
    least_sites: int = 20
    pooling: Literal["mean", "mean_last_two", "cls", "cls_tanh"] = "mean"
    both_strands: bool = False
    projection_size: int = 128
    species_similarity: float | int | None = None
    species_merges: str | None = None
    held_out: str | None = None
    bin_similarity: float | int | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        """Check the shapes; name the code of each Auto class, so that every saved folder is a complete repository."""
        # a model from the Hub has "its/repository--…" here, on which a saved folder must not depend
        kwargs["auto_map"] = (kwargs.get("auto_map") or {}) | AUTO_MAP
        super().__post_init__(**kwargs)
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size is {self.hidden_size}, num_attention_heads {self.num_attention_heads}: "
                "the first must be a multiple of the second"
            )
        if self.kmer and (self.kmer % 2 == 0 or not 0 < self.kmer <= LONGEST_KMER):
            raise ValueError(f"kmer is {self.kmer}; give 0 for none, or an odd number up to {LONGEST_KMER}")

        if self.sites and (self.num_hidden_layers or not self.kmer or self.gene_sites < self.sites):
            raise ValueError(
                f"sites is {self.sites}, num_hidden_layers {self.num_hidden_layers}, kmer {self.kmer}, gene_sites "
                f"{self.gene_sites}: a model with sites has no layers, k-mers for what cannot be placed, and "
                "at least as many gene_sites"
            )
        if len(self.markers or [""]) != len(self.marker_starts or [0]):
            raise ValueError(
                f"markers is {self.markers}, marker_starts {self.marker_starts}: one start for each marker"
            )
        if sum(self.site_blocks or [self.hidden_size]) != self.hidden_size:
            raise ValueError(f"site_blocks is {self.site_blocks}; its sum must be hidden_size, {self.hidden_size}")

    @classmethod
    def get_config_dict(
        cls, pretrained_model_name_or_path: Any, **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Read config.json, and translate the BERT config of DNABERT-2 into ours."""
        config, kwargs = super().get_config_dict(pretrained_model_name_or_path, **kwargs)
        if config.get("model_type") == "bert":
            known = {field.name for field in fields(cls)} | {"_commit_hash", "dtype"}
            config = {key: value for key, value in config.items() if key in known - {"auto_map", "architectures"}}
            config |= {"model_type": cls.model_type, "pad_token_id": PAD_TOKEN_ID}
        return config, kwargs
