"""The norms that a config may name, a module each, imported by that name.

Each has `build(channels)`, the layer behind a convolution, without learnable scale and
shift; or `Convolution`, which stands in place of nn.Conv2d; or both. Of a layer with
`weight` and `bias`, both None, the config can make either learnable.
"""
