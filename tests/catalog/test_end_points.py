"""Receptive fields and strides of named blocks equal the published table of TF-Slim's networks, end point by end point.

Araujo, Norris & Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019; the numbers are those
of RECEPTIVE_FIELD_TABLE.md in github.com/google-research/receptive_field.
"""

from __future__ import annotations

import pytest

from explorer import catalog
from explorer.analysis import analyze

_BN_INCEPTION = """Conv2d_1a_7x7:7/2 MaxPool_2a_3x3:11/4 Conv2d_2b_1x1:11/4 Conv2d_2c_3x3:19/4 MaxPool_3a_3x3:27/8
    Mixed_3b:59/8 Mixed_3c:91/8 Mixed_4a:123/16 Mixed_4b:187/16 Mixed_4c:251/16 Mixed_4d:315/16 Mixed_4e:379/16
    Mixed_5a:443/32 Mixed_5b:571/32 Mixed_5c:699/32"""
TABLE = {
    "alexnet": "conv1:11/4 pool1:19/8 conv2:51/8 conv3:99/16 conv4:131/16 conv5:163/16 pool5:195/32",
    "vgg-11": """conv1/conv1_1:3/1 pool1:4/2 conv2/conv2_1:8/2 pool2:10/4 conv3/conv3_1:18/4 conv3/conv3_2:26/4
        pool3:30/8 conv4/conv4_1:46/8 conv4/conv4_2:62/8 pool4:70/16 conv5/conv5_1:102/16 conv5/conv5_2:134/16
        pool5:150/32""",
    "vgg-16": """conv1/conv1_1:3/1 pool1:6/2 conv2/conv2_1:10/2 pool2:16/4 conv3/conv3_1:24/4 conv3/conv3_2:32/4
        pool3:44/8 conv4/conv4_1:60/8 conv4/conv4_2:76/8 pool4:100/16 conv5/conv5_1:132/16 conv5/conv5_2:164/16
        pool5:212/32""",
    "bn-inception": _BN_INCEPTION,
    "bn-inception-plain": _BN_INCEPTION,
    "inception-v3": """Conv2d_1a_3x3:3/2 Conv2d_2a_3x3:7/2 Conv2d_2b_3x3:11/2 maxpool1:15/4 Conv2d_3b_1x1:15/4
        Conv2d_4a_3x3:23/4 maxpool2:31/8 Mixed_5b:63/8 Mixed_5c:95/8 Mixed_5d:127/8 Mixed_6a:159/16 Mixed_6b:351/16
        Mixed_6c:543/16 Mixed_6d:735/16 Mixed_6e:927/16 Mixed_7a:1055/32 Mixed_7b:1183/32 Mixed_7c:1311/32""",
    "inception-v4": """Conv2d_1a_3x3:3/2 Conv2d_2a_3x3:7/2 Conv2d_2b_3x3:11/2 Mixed_3a:15/4 Mixed_4a:47/4 Mixed_5a:55/8
        Mixed_5b:87/8 Mixed_5c:119/8 Mixed_5d:151/8 Mixed_5e:183/8 Mixed_6a:215/16 Mixed_6b:407/16 Mixed_6c:599/16
        Mixed_6d:791/16 Mixed_6e:983/16 Mixed_6f:1175/16 Mixed_6g:1367/16 Mixed_6h:1559/16 Mixed_7a:1687/32
        Mixed_7b:1815/32 Mixed_7c:1943/32 Mixed_7d:2071/32""",
    "inception-resnet-v2": """Conv2d_1a_3x3:3/2 Conv2d_2a_3x3:7/2 Conv2d_2b_3x3:11/2 MaxPool_3a_3x3:15/4
        Conv2d_3b_1x1:15/4 Conv2d_4a_3x3:23/4 MaxPool_5a_3x3:31/8 Mixed_5b:63/8 Mixed_6a:415/16 Repeat_1:2335/16
        Mixed_7a:2399/32 Conv2d_7b_1x1:3039/32""",
}
"""PATH:SIZE/STRIDE; TF-Slim calls what leaves ``Repeat_1`` PreAuxLogits."""


@pytest.mark.parametrize("name", TABLE)
def test_fields_of_named_blocks(name: str) -> None:
    found = analyze(catalog.get(name))
    published = {}
    for each in TABLE[name].split():
        path, _, numbers = each.rpartition(":")
        published[path] = tuple(map(int, numbers.split("/")))
    ends = {path: found.below(path)[-1].receptive_field for path in published}
    assert {path: (end.size[0], end.stride[0]) for path, end in ends.items()} == published
    assert all(end.size[0] == end.size[1] for end in ends.values())
