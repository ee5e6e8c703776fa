"""A small model that puts pictures and words into one space, from two networks that know only one each (ConSE).

    text    -> a sentence encoder (all-MiniLM-L6-v2)                          text.py        -> 384 numbers
    picture -> probabilities of 1,000 ImageNet classes (EfficientNet-Lite2)   classifier.py
            -> the classes' vectors in the encoder's space, weighted by them  classes.npz    -> 384 numbers
    both    -> the twelve basic colours, of the subject or named in the text  colours.py     ->  12 numbers

Norouzi et al., "Zero-Shot Learning by Convex Combination of Semantic Embeddings", ICLR 2014. NOTICE.md names where the
weights and data come from.
"""
