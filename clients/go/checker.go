// Copyright The rasterwire authors. SPDX-License-Identifier: Apache-2.0

package rasterwire

import (
	"hash/crc32"

	pb "rasterwire.dev/clients/go/gen/rasterwire/v1"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A checker checks the chunks of one file as they come, over all the streams that bring them.
type checker struct {
	plan   *pb.DownloadPlan // that the size is held against
	info   *pb.FileInfo     // about the file, nil so far
	etag   string           // of the file that the bytes so far are of
	offset int64            // bytes so far
	crc32c uint32           // of them
	isOver bool             // the stream told the end of the file
}

// begin expects the messages of one more stream, which goes on at the offset.
func (c *checker) begin() { c.isOver = false }

// check returns the bytes of a chunk, which may be none.
func (c *checker) check(chunk *pb.DownloadChunk) ([]byte, error) {
	if c.isOver {
		return nil, corrupt("the server goes on after the end of the file")
	}
	if chunk.GetFile() != nil {
		if err := c.take(chunk.GetFile()); err != nil {
			return nil, err
		}
	}
	data := chunk.GetData()
	if len(data) == 0 {
		c.isOver = chunk.GetFile() != nil && c.offset == chunk.GetFile().GetSizeBytes()
		return nil, nil
	}
	if c.info == nil {
		return nil, garbled("bytes came before the server told of what file they are")
	}
	if chunk.GetOffset() != c.offset {
		return nil, garbled("a chunk for offset %d came where %d is next", chunk.GetOffset(), c.offset)
	}
	if c.offset+int64(len(data)) > c.info.GetSizeBytes() {
		return nil, corrupt("bytes came beyond the %d that the server told", c.info.GetSizeBytes())
	}
	if chunk.Crc32C == nil || crc32.Checksum(data, castagnoli) != chunk.GetCrc32C() {
		return nil, garbled("the checksum of the chunk at offset %d is wrong", chunk.GetOffset())
	}
	c.crc32c = crc32.Update(c.crc32c, castagnoli, data)
	c.offset += int64(len(data))
	return data, nil
}

// take takes what is told of the whole file, which may change in its checksum alone.
func (c *checker) take(info *pb.FileInfo) error {
	if (c.info != nil || c.etag != "") && c.etag != info.GetEtag() {
		return corrupt("the server sends another file than before; start again")
	}
	if c.info != nil && c.info.GetSizeBytes() != info.GetSizeBytes() {
		return corrupt("the server told %d bytes before, and now %d", c.info.GetSizeBytes(), info.GetSizeBytes())
	}
	isExact := c.plan.GetFormat() == pb.Format_FORMAT_NPY
	if c.info == nil && isExact && info.GetSizeBytes() != c.plan.GetEstimatedBytes() {
		return corrupt("the server tells of a file of %d bytes, where its plan makes %d",
			info.GetSizeBytes(), c.plan.GetEstimatedBytes())
	}
	c.info, c.etag = info, info.GetEtag()
	return nil
}

// end fails where bytes are missing at the end of a stream.
func (c *checker) end() error {
	if c.info == nil {
		return garbled("the stream ended after %d bytes, the server told no size", c.offset)
	}
	if c.offset < c.info.GetSizeBytes() {
		return garbled("the stream ended after %d bytes, the server told %d", c.offset, c.info.GetSizeBytes())
	}
	return nil
}

// finish fails where the whole file is not what the server says.
func (c *checker) finish() error {
	if err := c.end(); err != nil {
		return err
	}
	if c.crc32c != c.info.GetCrc32C() {
		return corrupt("the checksum of the whole file is wrong")
	}
	return nil
}
