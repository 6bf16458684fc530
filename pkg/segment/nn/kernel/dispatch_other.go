//go:build !amd64

package kernel

import "runtime"

func best() ISA { return Generic }

func widestTile(v ISA, step, blocks int) int        { return 16 }
func convTile(v ISA, step, blocks int, a *tileArgs) { convTileGeneric(step, blocks, a) }
func depthTile(v ISA, step int, a *tileArgs)        { depthTileGeneric(step, a) }
func convGrad(v ISA, blocks int, a *gradArgs)       { convGradGeneric(blocks, a) }
func depthGrad(v ISA, a *gradArgs)                  { depthGradGeneric(a) }
func plainRow(v ISA, op rowOp, a *rowArgs)          { plainRowGeneric(op, a) }
func actRow(v ISA, a *rowArgs, act Act)             { actRowGeneric(a, act) }
func actBackRow(v ISA, a *rowArgs, act Act)         { actBackRowGeneric(a, act) }
func dotsRow(v ISA, a *dotsArgs)                    { dotsRowGeneric(a) }
func poolRow(v ISA, op poolOp, a *poolArgs)         { poolRowGeneric(op, a) }
func gatherRow(v ISA, a *resizeArgs)                { gatherRowGeneric(a) }
func lerpRow(v ISA, a *resizeArgs)                  { lerpRowGeneric(a) }
func scatterRow(v ISA, a *resizeArgs)               { scatterRowGeneric(a) }
func softmaxRow(v ISA, a *softmaxArgs)              { softmaxRowGeneric(a) }

func spin() { runtime.Gosched() }

func peak(v ISA, rounds int64)                     { peakGeneric(rounds) }
func peakFLOPs(v ISA) int64                        { return 2 * 24 }
func winogradSource(v ISA, m int, a *winogradArgs) { winogradSourceGeneric(m, a) }
func winogradResult(v ISA, m int, a *winogradArgs) { winogradResultGeneric(m, a) }

func winogradSpread(v ISA, m int, a *winogradArgs)    { winogradSpreadGeneric(m, a) }
func multiplyTiles(v ISA, blocks int, a *productArgs) { multiplyTilesGeneric(blocks, a) }
func winogradFilter(v ISA, m int, a *weightArgs)      { winogradFilterGeneric(m, a) }
func winogradGather(v ISA, m int, a *weightArgs)      { winogradGatherGeneric(m, a) }
