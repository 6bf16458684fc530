package tiff

// Tags, from TIFF 6.0 unless said otherwise.
const (
	tagNewSubfileType   = 254
	tagImageWidth       = 256
	tagImageLength      = 257
	tagBitsPerSample    = 258
	tagCompression      = 259
	tagPhotometric      = 262
	tagFillOrder        = 266
	tagImageDescription = 270
	tagStripOffsets     = 273
	tagOrientation      = 274
	tagSamplesPerPixel  = 277
	tagRowsPerStrip     = 278
	tagStripByteCounts  = 279
	tagXResolution      = 282
	tagYResolution      = 283
	tagPlanarConfig     = 284
	tagResolutionUnit   = 296
	tagSoftware         = 305
	tagPredictor        = 317
	tagColorMap         = 320
	tagTileWidth        = 322
	tagTileLength       = 323
	tagTileOffsets      = 324
	tagTileByteCounts   = 325
	tagSubIFDs          = 330 // TIFF Tech Note 1
	tagExtraSamples     = 338
	tagSampleFormat     = 339
	tagJPEGTables       = 347 // TIFF Tech Note 2
	tagYCbCrSubsampling = 530
	tagImageDepth       = 32997 // SGI
	tagICCProfile       = 34675
)

// Names of the tags that callers outside this package ask a Directory for.
const (
	TagNewSubfileType   = tagNewSubfileType
	TagImageDescription = tagImageDescription
	TagSoftware         = tagSoftware
	TagICCProfile       = tagICCProfile
	TagXResolution      = tagXResolution
	TagYResolution      = tagYResolution
	TagResolutionUnit   = tagResolutionUnit
	TagSubIFDs          = tagSubIFDs
	TagImageDepth       = tagImageDepth
)

// Compression is the value of tag 259.
type Compression uint16

// Compressions that slides use.
const (
	None                Compression = 1
	LZW                 Compression = 5
	OldJPEG             Compression = 6
	JPEG                Compression = 7
	Deflate             Compression = 8
	PackBits            Compression = 32773
	DeflateAdobe        Compression = 32946
	AperioJ2KYCC        Compression = 33003
	AperioJ2KRGB        Compression = 33005
	JPEG2000            Compression = 34712
	reducedImage                    = 1 // bit 0 of tag 254
	resolutionInch                  = 2
	resolutionCM                    = 3
	planarChunky                    = 1
	planarSeparate                  = 2
	predictorHorizontal             = 2
)

// Photometric is the value of tag 262.
type Photometric uint16

// Colour models that slides use.
const (
	WhiteIsZero Photometric = 0
	BlackIsZero Photometric = 1
	RGB         Photometric = 2
	Palette     Photometric = 3
	Mask        Photometric = 4
	CMYK        Photometric = 5
	YCbCr       Photometric = 6
)

// Field types, TIFF 6.0 page 15 and the BigTIFF design.
const (
	typeByte     = 1
	typeASCII    = 2
	typeShort    = 3
	typeLong     = 4
	typeRational = 5
	typeSLong    = 9
	typeFloat    = 11
	typeDouble   = 12
	typeIFD      = 13
	typeLong8    = 16
	typeIFD8     = 18
)
