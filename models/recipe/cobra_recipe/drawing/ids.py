"""Region ids: 0 is paper white; character c's part p is c*SLOTS+p; place b's element k is PLACE0+b*PLACE_SLOTS+k."""

import numpy as np

SLOTS = 14
SKIN, HAIR, IRIS, MOUTH, TOP, TOP2, ACC, BOT, SHOE, HAT, HAT2, PROP, PROP2 = range(1, 14)
PLACE0 = 120
PLACE_SLOTS = 8
#: Elements of a place, in order: sky, ground, object a, object b, wall, extra.
PLACE_ELEMENTS = 6
PLACE_KINDS = ["sky", "forest", "city", "room", "plain", "speed", "night", "blank"]
CLASSES = 20

#: Part class of every id, for the auxiliary loss: 0 white, 1..13 parts, 14..19 place elements.
CLASS_OF_ID = np.zeros(256, np.uint8)
for _c in range(8):
    CLASS_OF_ID[_c * SLOTS + 1 : _c * SLOTS + 14] = np.arange(1, 14)
for _b in range(8):
    CLASS_OF_ID[PLACE0 + _b * PLACE_SLOTS : PLACE0 + _b * PLACE_SLOTS + 6] = np.arange(14, 20)

#: What a cast differs in, as far as lines show it: hair, top, hat.
HAIRS = ["short", "bob", "long", "twin", "pony", "spiky", "bald", "wavy"]
TOPS = ["tee", "jacket", "dress", "robe", "sailor", "hoodie", "armor", "stripe"]
HATS = ["none", "witch", "cap", "bow", "band", "veil", "hood"]
TRAITS = [len(HAIRS), len(TOPS), len(HATS)]
#: The first id that belongs to no character.
CAST_IDS = 8 * SLOTS
