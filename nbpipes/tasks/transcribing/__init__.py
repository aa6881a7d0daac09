"""How models of different kinds write down speech: the parts of automatic-speech-recognition."""
