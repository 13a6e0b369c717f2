package filters_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"io"
	"strings"
	"testing"

	"parley/filters"
)

// photo is a JPEG picture with what a camera writes into one.
func photo(t *testing.T, segments ...string) string {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 16, 16)), nil); err != nil {
		t.Fatal(err)
	}
	raw := b.Bytes()
	out := append([]byte{}, raw[:2]...)
	for _, s := range segments {
		out = append(out, 0xFF, s[0])
		out = binary.BigEndian.AppendUint16(out, uint16(len(s)+1))
		out = append(out, s[1:]...)
	}
	return string(append(out, raw[2:]...))
}

func stripped(t *testing.T, content string) string {
	t.Helper()
	raw, err := io.ReadAll(filters.StripPicture(strings.NewReader(content)))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// exif says that the picture is to be turned, and where it was taken.
const exif = "\xE1Exif\x00\x00II*\x00\x08\x00\x00\x00\x02\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x25\x88\x04\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00GPS Berlin"

func TestStripPicture_LeavesOutWhatACameraWrote(t *testing.T) {
	t.Parallel()
	got := stripped(t, photo(t, exif, "\xE1http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta>Ann</x:xmpmeta>", "\xEDPhotoshop 3.0\x00Ann", "\xFEby Ann", "\xE2ICC_PROFILE\x00colours"))
	for _, gone := range []string{"GPS", "Ann", "xmpmeta", "Photoshop"} {
		if strings.Contains(got, gone) {
			t.Errorf("%s is still in it", gone)
		}
	}
	if !strings.Contains(got, "ICC_PROFILE") || !strings.Contains(got, "\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06") {
		t.Error("its colours, or how it is to be turned, are gone")
	}
	if _, err := jpeg.Decode(strings.NewReader(got)); err != nil {
		t.Errorf("it is no picture any more: %v", err)
	}
	if again := stripped(t, got); again != got {
		t.Error("stripping what is stripped changes it")
	}
}

func TestStripPicture_TouchesNothingElse(t *testing.T) {
	t.Parallel()
	plain := photo(t)
	for name, content := range map[string]string{
		"text": "nothing", "empty": "", "short": "\xFF\xD8\xFF", "a picture without": plain, "cut": plain[:30], "no picture": "\xFF\xD8\xFF\xE1\x00\x00rest",
		"cut segment": "\xFF\xD8\xFF\xE2\x10\x00abc", "png": pngHead,
	} {
		if got := stripped(t, content); got != content {
			t.Errorf("%s: %q is %q", name, content, got)
		}
	}
}

func FuzzStripPicture(f *testing.F) {
	f.Add("\xFF\xD8" + "\xFF\xE1\x00\x10" + exif[1:])
	f.Add("\xFF\xD8\xFF\xFF\xFF\xE1\x00\x02\xFF\xDA\x00\x00")
	f.Fuzz(func(t *testing.T, s string) {
		once := stripped(t, s)
		if len(once) > len(s)+64 {
			t.Errorf("%d bytes became %d", len(s), len(once))
		}
		if twice := stripped(t, once); twice != once {
			t.Errorf("stripped twice %q is not %q", twice, once)
		}
	})
}
