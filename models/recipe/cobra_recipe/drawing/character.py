"""Characters: a fixed build per character, a new pose in every drawing; parts are drawn in their own ids."""

import math

import numpy as np

from . import body, extras, face, hair
from .costume import Costume, over_head, over_legs
from .ids import HAIRS, HATS, TOPS


class Pen:
    """One drawing of a character: canvas, random generator, scale r (half a head, in px), height y, head and body space."""

    def __init__(self, cv, g, x, y, r, flip, lod, tall=1.0):
        self.cv, self.g, self.y, self.r, self.lod, self.f = cv, g, y, r, lod, -1 if flip else 1
        tilt = g.normal(0, 0.1)
        self.look = g.uniform(-0.8, 0.8)
        self._at = np.array([x, y], float)
        self._head = self._turn(tilt)
        self._body = self._turn(tilt * 0.3 + g.normal(0, 0.05))
        #: The body is larger by this, seen from the neck.
        self.tall = tall

    def _turn(self, a):
        return np.array([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]]) * self.r

    def head(self, p):
        """Points of head space (tilted, unit r) on the page."""
        return np.asarray(p, float) * (self.f, 1) @ self._head + self._at

    def body(self, p):
        """Points of body space on the page."""
        p = (np.asarray(p, float) - (0, 0.8)) * (0.5 + 0.5 * self.tall, self.tall) + (0, 0.8) if self.tall != 1 else np.asarray(p, float)
        return p * (self.f, 1) @ self._body + self._at

    def jitter(self, a=0.06):
        """A little chance."""
        return self.g.normal(0, a)


class Character:
    """Number ci of a cast, built by the generator g."""

    def __init__(s, g, ci, costume=None):
        s.ci = ci
        s.costume = costume or Costume()
        s.hair = g.choice(
            HAIRS,
            p=[0.17, 0.14, 0.2, 0.1, 0.1, 0.16, 0.04, 0.09],
        )
        s.nb = int(g.integers(2, 8))
        s.bl = g.uniform(-0.45, 0.15)
        s.blj = g.uniform(0.05, 0.35)
        s.hl = g.uniform(1.6, 4.2)
        s.hw = g.uniform(1.2, 1.7)
        s.vol = g.uniform(1.12, 1.35)
        s.sp = int(g.integers(7, 14))
        s.seed = g.random(32)
        s.top = g.choice(TOPS)
        s.sleeve = g.choice(["short", "long", "none"], p=[0.3, 0.6, 0.1])
        s.bot = g.choice(["pants", "skirt", "shorts"])
        s.w = g.uniform(1.15, 1.75)
        s.hat = g.choice(HATS, p=[0.55, 0.09, 0.08, 0.1, 0.06, 0.06, 0.06])
        s.prop = g.choice(["none", "staff", "book", "sword", "ball", "bag"], p=[0.5, 0.12, 0.1, 0.12, 0.08, 0.08])
        s.belt = g.random() < 0.35
        s.beard = g.random() < 0.07
        s.ear = g.random() < 0.15
        s.eye = g.uniform(0.8, 1.2)
        s.neckl = g.random() < 0.2

    def traits(s):
        """Numbers of hair, top and hat."""
        return [HAIRS.index(s.hair), TOPS.index(s.top), HATS.index(s.hat)]

    def draw(s, cv, x, y, r, g, flip=False, lod=True):
        """Draw at (x, y) with half a head of r px; lod adds fine lines."""
        pen = Pen(cv, g, x, y, r, flip, lod, s.costume.tall)
        hair.back(s, pen)
        body.legs(s, pen)
        over_legs(s, pen)
        hands = body.torso(s, pen)
        face.face(s, pen)
        hair.front(s, pen)
        extras.hat(s, pen)
        over_head(s, pen)
        extras.prop(s, pen, hands)
