// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package rasterwire

import (
	"fmt"
	"strconv"
	"strings"
)

const deepest = 16 // of values within values; headers have four

// parseLiteral reads a literal of Python, as headers of NumPy files are: dictionaries, lists and tuples (as []any),
// texts, whole numbers and booleans.
func parseLiteral(text string) (any, error) {
	l := literal{text}
	value, err := l.value(0)
	if err == nil && strings.TrimSpace(l.rest) != "" {
		err = fmt.Errorf("its header goes on after its end")
	}
	return value, err
}

type literal struct{ rest string }

// next returns the next letter that is no blank, 0 at the end.
func (l *literal) next() byte {
	l.rest = strings.TrimLeft(l.rest, " \n\t")
	if l.rest == "" {
		return 0
	}
	return l.rest[0]
}

func (l *literal) value(depth int) (any, error) {
	if depth > deepest {
		return nil, fmt.Errorf("its header is too deep")
	}
	switch first := l.next(); {
	case first == '{':
		return l.dictionary(depth)
	case first == '[':
		return l.items(']', depth)
	case first == '(':
		return l.items(')', depth)
	case first == '\'' || first == '"':
		return l.str()
	case strings.HasPrefix(l.rest, "True"):
		l.rest = l.rest[4:]
		return true, nil
	case strings.HasPrefix(l.rest, "False"):
		l.rest = l.rest[5:]
		return false, nil
	}
	size := 0
	for size < len(l.rest) && l.rest[size] >= '0' && l.rest[size] <= '9' {
		size++
	}
	number, err := strconv.Atoi(l.rest[:size])
	l.rest = l.rest[size:]
	return number, err
}

func (l *literal) items(end byte, depth int) ([]any, error) {
	l.rest = l.rest[1:]
	items := []any{}
	for l.next() != end {
		item, err := l.value(depth + 1)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
		if err := l.separator(end); err != nil {
			return nil, err
		}
	}
	l.rest = l.rest[1:]
	return items, nil
}

func (l *literal) dictionary(depth int) (map[string]any, error) {
	l.rest = l.rest[1:]
	entries := map[string]any{}
	for l.next() != '}' {
		key, err := l.str()
		if err != nil {
			return nil, err
		}
		if l.next() != ':' {
			return nil, fmt.Errorf("its header has a key without a value")
		}
		l.rest = l.rest[1:]
		if entries[key], err = l.value(depth + 1); err != nil {
			return nil, err
		}
		if err := l.separator('}'); err != nil {
			return nil, err
		}
	}
	l.rest = l.rest[1:]
	return entries, nil
}

// separator takes a comma, which may be missing before the end.
func (l *literal) separator(end byte) error {
	switch l.next() {
	case ',':
		l.rest = l.rest[1:]
		return nil
	case end:
		return nil
	}
	return fmt.Errorf("its header has no comma where one is due")
}

// str takes a text, with the escapes that repr of Python writes.
func (l *literal) str() (string, error) {
	quote := l.next()
	if quote != '\'' && quote != '"' {
		return "", fmt.Errorf("its header has no text where one is due")
	}
	l.rest = l.rest[1:]
	var text strings.Builder
	for l.rest != "" {
		if l.rest[0] == quote {
			l.rest = l.rest[1:]
			return text.String(), nil
		}
		letter, _, rest, err := strconv.UnquoteChar(l.rest, quote)
		if err != nil && strings.HasPrefix(l.rest, `\`) && len(l.rest) > 1 { // of the other quote
			letter, rest, err = rune(l.rest[1]), l.rest[2:], nil
		}
		if err != nil {
			return "", err
		}
		text.WriteRune(letter)
		l.rest = rest
	}
	return "", fmt.Errorf("its header has a text without an end")
}
