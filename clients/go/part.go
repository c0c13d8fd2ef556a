// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package rasterwire

import (
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// known is what is known of the beginning of a file; clients of all languages write it alike.
type known struct {
	Etag   string `json:"etag"`
	Offset int64  `json:"offset"`
	CRC32C uint32 `json:"crc32c"`
}

// A part is NAME.part, and NAME.part.json which says what of it is there and was brought to the disk.
type part struct {
	path  string
	file  *os.File
	known known
}

// openPart opens the part of a file, behind what is known of the file of this etag. Where another program writes the
// part of this name, or the system has no locks, it gets a name of its own.
func openPart(target, etag string, restart bool) (*part, error) {
	p := &part{path: target + ".part", known: known{Etag: etag}}
	p.file = lockedPart(p.path)
	if p.file == nil {
		file, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*.part")
		if err != nil {
			return nil, err
		}
		p.path, p.file = file.Name(), file
		if err := file.Chmod(0o644); err != nil {
			return nil, errors.Join(err, p.close(true))
		}
	} else if !restart {
		p.known = p.noted(etag)
	}
	_, err := p.file.Seek(p.known.Offset, io.SeekStart)
	if err == nil {
		err = p.file.Truncate(p.known.Offset)
	}
	if err == nil {
		err = p.note(p.known) // tells that the part is of a client of rasterwire
	}
	if err != nil {
		return nil, errors.Join(err, p.close(true))
	}
	return p, nil
}

// noted returns what is known of the part, if its bytes are those that were noted, of this etag.
func (p *part) noted(etag string) known {
	nothing := known{Etag: etag}
	document, err := os.ReadFile(p.path + ".json")
	if err != nil {
		return nothing
	}
	var record known
	if json.Unmarshal(document, &record) != nil || etag == "" || record.Etag != etag || record.Offset <= 0 {
		return nothing
	}
	sum := crc32.New(castagnoli)
	if _, err := io.CopyN(sum, p.file, record.Offset); err != nil || sum.Sum32() != record.CRC32C {
		return nothing
	}
	return record
}

// note writes down what was brought to the disk, for this user alone.
func (p *part) note(record known) error {
	document, err := json.Marshal(record)
	if err != nil {
		return err
	}
	written := p.path + ".json.new"
	if err := os.WriteFile(written, document, 0o600); err != nil {
		return err
	}
	return os.Rename(written, p.path+".json")
}

// become brings the file to the disk and gives it its name.
func (p *part) become(target string) error {
	if !locksFiles { // Windows renames no open file; elsewhere the lock is held to the end
		if err := p.file.Close(); err != nil {
			return err
		}
	}
	return os.Rename(p.path, target)
}

// close ends the part; after a failure nothing stays of it.
func (p *part) close(hasFailed bool) error {
	var err error
	if !locksFiles { // Windows removes no open file; elsewhere the lock is held to the end
		err = p.file.Close()
	}
	if hasFailed {
		_ = os.Remove(p.path)
	}
	_ = os.Remove(p.path + ".json")
	if locksFiles {
		err = p.file.Close()
	}
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// A writer writes chunks, and brings them to the disk, behind those that are on their way.
type writer struct {
	part    *part
	waiting chan written
	ended   chan struct{}
	err     error // of the goroutine, read after ended
	stopped chan struct{}
}

type written struct {
	data   []byte
	record known
}

func newWriter(p *part) *writer {
	w := &writer{part: p, waiting: make(chan written, chunksBehind), ended: make(chan struct{}), stopped: make(chan struct{})}
	go w.run()
	return w
}

func (w *writer) run() {
	defer close(w.ended)
	for chunk := range w.waiting {
		if w.err = w.writeOne(chunk); w.err != nil {
			close(w.stopped)
			return
		}
	}
	w.err = w.part.file.Sync()
}

func (w *writer) writeOne(chunk written) error {
	if _, err := w.part.file.Write(chunk.data); err != nil {
		return err
	}
	if chunk.record.Offset%synced >= int64(len(chunk.data)) {
		return nil
	}
	if err := w.part.file.Sync(); err != nil {
		return err
	}
	return w.part.note(chunk.record)
}

// write hands a chunk over; it fails where an earlier one could not be written.
func (w *writer) write(data []byte, record known) error {
	select {
	case w.waiting <- written{data, record}:
		return nil
	case <-w.stopped:
		<-w.ended
		return w.err
	}
}

// end waits until all is on the disk.
func (w *writer) end() error {
	close(w.waiting)
	<-w.ended
	return w.err
}
