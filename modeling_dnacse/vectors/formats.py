"""How vectors may be stored: the types of their numbers, and the records in a shard."""

OUTPUT_DTYPES = ("float32", "float16", "int8")
SHARD_RECORDS = 16_384  # 4 blocks of embed(), so that a barcode is in the same batch whichever process makes the shard
