// Package codec turns compressed tiles into samples or pixels: LZW, deflate and PackBits as TIFF
// means them, and JPEG as libjpeg decodes it, because that is what every other viewer of slides
// shows. It sits below slide/tiff, knows no container and reads no file.
//
// # JPEG
//
// Tiles in slides are abbreviated streams: their tables are elsewhere and nothing in them says which
// colour model they use. Standalone joins the two into a stream that any decoder reads rightly.
// DecodeJPEG decodes one with jpegn, whose inverse transform differs from libjpeg-turbo's by at most
// one step; chroma is enlarged and colours are converted here, with libjpeg's own arithmetic, because
// pure Go decoders replicate chroma and differ by up to 18 steps at edges.
//
// jpegn decodes damaged scans without a word. A mask computed from invented pixels is worse than
// none, so scan.go reads the entropy-coded data first and refuses a scan that does not come out even.
package codec
