// Package fault tells whose fault an unreadable slide is: the file's (FormatError) or the
// software's (UnsupportedError). It sits below package slide and its decoders so that all of them
// speak of one pair of types; package slide re-exports them, and nobody else needs this package.
package fault

// FormatError says that the file is at fault: it breaks its own format.
type FormatError struct {
	Format, Problem string
}

func (e *FormatError) Error() string { return e.Format + ": damaged file: " + e.Problem }

// UnsupportedError says that the software is at fault: the file may be fine.
type UnsupportedError struct {
	Format, Feature string
}

func (e *UnsupportedError) Error() string { return e.Format + ": not supported: " + e.Feature }
