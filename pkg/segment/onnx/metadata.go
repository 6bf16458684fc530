package onnx

import "google.golang.org/protobuf/encoding/protowire"

// metadataProps is the number of ModelProto.metadata_props in onnx.proto.
const metadataProps = 14

// WithMetadata is the file with one entry of its metadata replaced or added. Every other byte, the
// network's above all, stays as it is.
func WithMetadata(file []byte, key, value string) ([]byte, error) {
	out := make([]byte, 0, len(file)+len(key)+len(value)+16)
	for rest := file; len(rest) > 0; {
		f, size := consume(rest)
		if size < 0 {
			return nil, &FormatError{"model", "broken field: " + protowire.ParseError(size).Error()}
		}
		keep := true
		if f.num == metadataProps && f.typ == protowire.BytesType {
			name, _, err := parseEntry("metadata", f.data)
			if err != nil {
				return nil, err
			}
			keep = name != key
		}
		if keep {
			out = append(out, rest[:size]...)
		}
		rest = rest[size:]
	}
	return appendMessage(out, metadataProps, appendText(appendText(nil, 1, key), 2, value)), nil
}
