package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slidemill/slidemill/pkg/segment"
)

// regionFlag adds --region.
func regionFlag(cmd *cobra.Command, side *int) {
	usage := fmt.Sprintf("side of a region in pixels at the model's scale, %d to %d; rounded up to what the model wants", segment.MinRegion, segment.MaxRegion)
	cmd.Flags().IntVar(side, "region", segment.DefaultRegion, usage)
}

// settle fills in what nobody said and says what becomes of what somebody did. The parameters are judged as they were
// given, so that an error is about the number that was typed.
func settle(cmd *cobra.Command, m *segment.Model, p segment.Parameters) (segment.Parameters, error) {
	settled := m.Settle(p)
	asked := settled
	if p.Region != 0 || cmd.Flags().Changed("region") {
		asked.Region = p.Region
	}
	if err := asked.Validate(); err != nil {
		return settled, err
	}
	if settled.Region != asked.Region {
		fmt.Fprintf(cmd.ErrOrStderr(), "--region %d: regions of %d pixels, as the model wants a multiple of %d\n", asked.Region, settled.Region, m.Field.Align)
	}
	return settled, settled.Validate()
}
