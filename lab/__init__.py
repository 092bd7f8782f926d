"""Black-box tests of the weir binary: the world in a box, foreign clients, misbehaving peers. Standard
library only."""
