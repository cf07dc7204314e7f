"""Codecs behind one protocol (`interface`): ours, and the conventional ones it is compared with (`registry`).

What holds for every conventional codec: input is uint8 RGB; the size is that of the whole file, which carries neither
EXIF nor a colour profile; it runs on one thread (BPG has no such option); and where an encoder can be asked to
optimise PSNR it is, since PSNR is what curves of this field are drawn in. Runner, rate_distortion, report and demo
import it; it may import results.
"""
