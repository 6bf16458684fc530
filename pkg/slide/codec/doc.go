// Package codec turns compressed tiles into samples or pixels: LZW, deflate and PackBits as TIFF
// means them, and JPEG as libjpeg decodes it, because that is what every other viewer of slides
// shows. It sits below slide/tiff, knows no container and reads no file.
//
// # JPEG
//
// Tiles in slides are abbreviated streams: their tables are elsewhere and nothing in them says which
// colour model they use. Standalone joins the two into a stream that any decoder reads rightly.
//
// DecodeJPEG decodes sequential streams itself, with libjpeg's integer transform, chroma enlargement
// and colour arithmetic. Its pixels equal libjpeg-turbo's, and so OpenSlide's, to the bit and on every
// machine; other pure Go decoders are off by 1 in the transform and by up to 18 at chroma edges. It is
// written here for a second reason: other decoders show a damaged scan as grey or smeared blocks
// without an error, and a mask computed from invented pixels is worse than none. Here a scan must
// decode to its last block and end there.
package codec
