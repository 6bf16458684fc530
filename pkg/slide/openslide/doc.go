// Package openslide reads slides through the OpenSlide library where the machine has it, for formats that
// this project does not read itself. It is found at run time and never needed. It sits below package
// slide, which decides what it is asked to read: the library is C code in this process, so it gets no
// file of a format that has a reader here.
package openslide

import "errors"

// ErrNone says that the library is not in use.
var ErrNone = errors.New("OpenSlide is not in use")

// Variable names a library to load instead of the system's own.
const Variable = "SLIDEMILL_OPENSLIDE"
