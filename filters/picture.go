package filters

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
)

// maxPictureHead bounds what is kept in memory of a picture while its head is read.
const maxPictureHead = 4 << 20

// StripPicture reads r without what a camera or a program wrote about a JPEG
// picture: where and when it was taken, by what and whom. How it is to be turned
// stays. Anything else comes as it is.
func StripPicture(r io.Reader) io.Reader {
	in := bufio.NewReaderSize(r, 64<<10)
	if head, _ := in.Peek(3); !bytes.Equal(head, []byte{0xFF, 0xD8, 0xFF}) {
		return in
	}
	_, _ = in.Discard(2) // of what was peeked at
	head := []byte{0xFF, 0xD8}
	for len(head) < maxPictureHead {
		start, err := in.Peek(4)
		if err != nil || start[0] != 0xFF || start[1] == 0xDA || start[1] == 0xD9 {
			break // the picture itself, or no picture
		}
		if start[1] == 0xFF {
			_, _ = in.Discard(1)
			continue
		}
		size := int(binary.BigEndian.Uint16(start[2:]))
		if size < 2 {
			break
		}
		segment := make([]byte, 2+size)
		n, err := io.ReadFull(in, segment)
		if err != nil {
			head = append(head, segment[:n]...)
			break
		}
		switch segment[1] {
		case 0xE1: // EXIF, XMP
			head = append(head, turned(segment)...)
		case 0xED, 0xFE: // captions, comments
		default:
			head = append(head, segment...)
		}
	}
	return io.MultiReader(bytes.NewReader(head), in)
}

// turned is an EXIF segment that says no more than how the picture is to be
// turned; empty if that is not said.
func turned(segment []byte) []byte {
	const tag = 0x0112
	body, ok := bytes.CutPrefix(segment[4:], []byte("Exif\x00\x00"))
	if !ok || len(body) < 8 {
		return nil
	}
	var order binary.ByteOrder = binary.BigEndian
	if body[0] == 'I' {
		order = binary.LittleEndian
	}
	at := int(order.Uint32(body[4:]))
	if at < 8 || at+2 > len(body) {
		return nil
	}
	for n := int(order.Uint16(body[at:])); n > 0; n-- {
		entry := at + 2 + 12*(n-1)
		if entry+12 > len(body) || order.Uint16(body[entry:]) != tag {
			continue
		}
		out := append([]byte{0xFF, 0xE1, 0, 34}, "Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01"...)
		out = binary.BigEndian.AppendUint16(out, order.Uint16(body[entry+8:]))
		return append(out, 0, 0, 0, 0, 0, 0)
	}
	return nil
}
