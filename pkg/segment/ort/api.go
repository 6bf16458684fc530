package ort

import "unsafe"

// handle is an object of the runtime; 0 is none. A status of 0 is success.
type handle uintptr

// api is the part of the runtime's C interface that is used here. Functions that return a handle return a
// status, which check takes.
type api struct {
	getErrorCode           func(status handle) int32
	getErrorMessage        func(status handle) string
	releaseStatus          func(status handle)
	createEnv              func(level int32, id string, out *handle) handle
	releaseEnv             func(env handle)
	createCPUMemoryInfo    func(allocator, memory int32, out *handle) handle
	releaseMemoryInfo      func(info handle)
	createSessionOptions   func(out *handle) handle
	releaseSessionOptions  func(options handle)
	disableMemPattern      func(options handle) handle
	setExecutionMode       func(options handle, mode int32) handle
	setIntraOpThreads      func(options handle, n int32) handle
	setInterOpThreads      func(options handle, n int32) handle
	createSession          func(env handle, path string, options handle, out *handle) handle
	createSessionFromArray func(env handle, data *byte, size uintptr, options handle, out *handle) handle
	releaseSession         func(session handle)
	sessionInputCount      func(session handle, out *uintptr) handle
	sessionOutputCount     func(session handle, out *uintptr) handle
	sessionInputName       func(session handle, i uintptr, allocator handle, out **byte) handle
	sessionOutputName      func(session handle, i uintptr, allocator handle, out **byte) handle
	defaultAllocator       func(out *handle) handle
	allocatorFree          func(allocator handle, p *byte) handle
	createRunOptions       func(out *handle) handle
	releaseRunOptions      func(options handle)
	setTerminate           func(options handle) handle
	unsetTerminate         func(options handle) handle
	createTensor           func(memory handle, data *float32, size uintptr, shape *int64, rank uintptr, element int32, out *handle) handle
	releaseValue           func(value handle)
	run                    func(session, options handle, inputs **byte, in *handle, nIn uintptr, outputs **byte, nOut uintptr, out *handle) handle
	getProviders           func(out ***byte, n *int32) handle
	releaseProviders       func(list **byte, n int32) handle
	createCUDA             func(out *handle) handle
	updateCUDA             func(cuda handle, keys, values **byte, n uintptr) handle
	releaseCUDA            func(cuda handle)
	appendCUDA             func(options, cuda handle) handle
}

// entry is a function of the interface with its place in the table, which never changes: new functions
// are appended.
type entry struct {
	at int
	fn any
}

// lastEntry is the highest place in entries, which all runtimes from apiVersion on have.
const (
	apiVersion = 11
	lastEntry  = 208
)

// entries are the places in the runtime's struct OrtApi (onnxruntime_c_api.h).
func (a *api) entries() []entry {
	return []entry{
		{1, &a.getErrorCode}, {2, &a.getErrorMessage}, {93, &a.releaseStatus},
		{3, &a.createEnv}, {92, &a.releaseEnv},
		{69, &a.createCPUMemoryInfo}, {94, &a.releaseMemoryInfo},
		{10, &a.createSessionOptions}, {100, &a.releaseSessionOptions},
		{17, &a.disableMemPattern}, {13, &a.setExecutionMode}, {24, &a.setIntraOpThreads}, {25, &a.setInterOpThreads},
		{7, &a.createSession}, {8, &a.createSessionFromArray}, {95, &a.releaseSession},
		{30, &a.sessionInputCount}, {31, &a.sessionOutputCount}, {36, &a.sessionInputName}, {37, &a.sessionOutputName},
		{78, &a.defaultAllocator}, {76, &a.allocatorFree},
		{39, &a.createRunOptions}, {97, &a.releaseRunOptions}, {46, &a.setTerminate}, {47, &a.unsetTerminate},
		{49, &a.createTensor}, {96, &a.releaseValue}, {9, &a.run},
		{125, &a.getProviders}, {126, &a.releaseProviders},
		{205, &a.createCUDA}, {206, &a.updateCUDA}, {208, &a.releaseCUDA}, {204, &a.appendCUDA},
	}
}

// check turns a status into an error and releases it.
func (a *api) check(op string, status handle) error {
	if status == 0 {
		return nil
	}
	err := &Error{Op: op, Code: int(a.getErrorCode(status)), Text: a.getErrorMessage(status)}
	a.releaseStatus(status)
	return err
}

func (a *api) availableProviders() ([]string, error) {
	var list **byte
	var n int32
	if err := a.check("list providers", a.getProviders(&list, &n)); err != nil {
		return nil, err
	}
	var out []string
	for _, p := range unsafe.Slice(list, n) {
		out = append(out, goString(p))
	}
	return out, a.check("release providers", a.releaseProviders(list, n))
}

// goString copies a string that ends in a zero byte.
func goString(p *byte) string {
	if p == nil {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(p, n))
}

// cString is a string as C takes it.
func cString(s string) *byte { return unsafe.SliceData(append([]byte(s), 0)) }
