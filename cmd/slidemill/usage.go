package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageError is a command line that makes no sense.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// usageArgs makes cobra's complaints about arguments usage errors, in words that say what is wanted.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case check(cmd, args) == nil:
			return nil
		case cmd.HasSubCommands(): // what is no command of it was taken for an argument
			return unknownCommand(cmd, args[0])
		}
		return &usageError{wrongArgs(cmd, args)}
	}
}

// wrongArgs says what a command takes.
func wrongArgs(cmd *cobra.Command, args []string) error {
	line := strings.TrimSuffix(cmd.UseLine(), " [flags]")
	takes := strings.TrimPrefix(line, cmd.CommandPath()+" ")
	switch {
	case len(args) == 0:
		return fmt.Errorf("nothing is named to work on: want `%s`", line)
	case takes == line || strings.HasPrefix(takes, "-"):
		return fmt.Errorf("%q: %s takes flags and nothing else", args[0], cmd.CommandPath())
	}
	return fmt.Errorf("%s given: want `%s` (a name with blanks in it wants quotes)", count(len(args), "argument"), line)
}

// wordDefaults gives words of our own to the commands that cobra adds: it answers a misspelt one with help and says that
// all is well.
func wordDefaults(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.RunE = helpOn
		case "completion":
			cmd.Args = usageArgs(cobra.NoArgs)
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			for _, shell := range cmd.Commands() {
				shell.Args = usageArgs(cobra.NoArgs)
			}
		}
	}
}

// helpOn is `slidemill help COMMAND`.
func helpOn(help *cobra.Command, args []string) error {
	cmd, rest, err := help.Root().Find(args)
	if err != nil {
		return &usageError{err}
	}
	if len(rest) > 0 && cmd.HasSubCommands() {
		return unknownCommand(cmd, rest[0])
	}
	return cmd.Help()
}

// unknownCommand says which command may have been meant.
func unknownCommand(cmd *cobra.Command, typed string) error {
	text := fmt.Sprintf("there is no command %q", strings.TrimPrefix(cmd.CommandPath()+" "+typed, cmd.Root().Name()+" "))
	if meant := closest(cmd, typed); len(meant) > 0 {
		text += didYouMean(meant, "`"+cmd.CommandPath()+" ", "`")
	} else if !cmd.HasParent() && there(typed) {
		text += fmt.Sprintf(", but a file: `slidemill run %s` works on a slide", typed)
	}
	return &usageError{errors.New(text)}
}

// flagError is what cobra makes of pflag's complaints. Where the command was misspelt its flags are unknown, too: then
// that is the news.
func flagError(cmd *cobra.Command, err error) error {
	if args := cmd.Flags().Args(); len(args) > 0 && cmd.HasSubCommands() {
		return unknownCommand(cmd, args[0])
	}
	var unknown *pflag.NotExistError
	var bare *pflag.ValueRequiredError
	var bad *pflag.InvalidValueError
	var garbled *pflag.InvalidSyntaxError
	switch {
	case errors.As(err, &unknown):
		err = unknownFlag(cmd, unknown)
	case errors.As(err, &bare):
		err = fmt.Errorf("--%s: its value is missing: want %s", bare.GetFlag().Name, wanted(bare.GetFlag()))
	case errors.As(err, &bad):
		err = badValue(bad)
	case errors.As(err, &garbled):
		err = fmt.Errorf("%s is no flag: flags look like --data DIR or --data=DIR", garbled.GetSpecifiedFlag())
	}
	return &usageError{err}
}

// unknownFlag says which flag may have been meant. A long one with a single dash is read as many short ones.
func unknownFlag(cmd *cobra.Command, e *pflag.NotExistError) error {
	typed, dashes := e.GetSpecifiedName(), "--"
	if short := e.GetSpecifiedShortnames(); short != "" {
		dashes = "-"
		typed, _, _ = strings.Cut(short, "=")
	}
	text := "there is no flag " + dashes + typed
	flags := &cobra.Command{} // whose commands are called as the flags are, so that there is one measure of what is near
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		flags.AddCommand(&cobra.Command{Use: f.Name, Hidden: f.Hidden, Run: func(*cobra.Command, []string) {}})
	})
	switch meant := closest(flags, typed); {
	case len(meant) > 0:
		text += didYouMean(meant, "--", "")
	case cmd.HasSubCommands():
		text += ": flags belong to a command, as in `slidemill run --data DIR SLIDE`"
	}
	return errors.New(text)
}

// badValue says what a flag wants. A value that is ours to read says that itself.
func badValue(e *pflag.InvalidValueError) error {
	f := e.GetFlag()
	said := fmt.Sprintf("--%s %s", f.Name, e.GetValue())
	switch {
	case !errors.As(e, new(*strconv.NumError)):
		return fmt.Errorf("%s: %w", said, errors.Unwrap(e))
	case errors.Is(e, strconv.ErrRange):
		return fmt.Errorf("%s: that is more than can be counted: want %s", said, wanted(f))
	}
	return fmt.Errorf("%s: want %s", said, wanted(f))
}

// wanted says what kind of value a flag takes, with its own default as the example where that is one.
func wanted(f *pflag.Flag) string {
	example := f.DefValue
	switch f.Value.Type() {
	case "bool":
		return "true or false, or the flag alone"
	case "uint64":
		return "a whole number from 0 on"
	case "int":
		if example == "0" {
			return "a whole number"
		}
		return "a whole number, such as " + example
	case "float64":
		if example == "0" {
			example = "0.5"
		}
		return "a number, such as " + example
	}
	return "a value"
}

// closest lists the commands whose names are nearest to what was typed, if any is near.
func closest(cmd *cobra.Command, typed string) []string {
	for far := range min(len(typed), 3) { // as many letters may be wrong, of which one at least is right
		cmd.SuggestionsMinimumDistance = far
		if meant := cmd.SuggestionsFor(typed); len(meant) > 0 {
			return meant
		}
	}
	return nil
}

// didYouMean asks for one of some names, with what makes it one to be typed before and behind it.
func didYouMean(names []string, before, behind string) string {
	asked := make([]string, len(names))
	for i, name := range names {
		asked[i] = before + name + behind
	}
	last := len(asked) - 1
	if last == 0 {
		return ": did you mean " + asked[0] + "?"
	}
	return ": did you mean " + strings.Join(asked[:last], ", ") + " or " + asked[last] + "?"
}
