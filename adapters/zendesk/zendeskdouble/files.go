package zendeskdouble

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

type file struct {
	id      int64
	name    string
	kind    string
	token   string
	data    []byte
	inline  bool
	malware bool
}

type upload struct {
	at    time.Time
	files []*file
}

var brackets = strings.NewReplacer("%28", "(", "%29", ")")

const uploadTime = time.Hour

func (d *Double) upload(c *call) {
	name := c.r.URL.Query().Get("filename")
	data, err := io.ReadAll(c.r.Body)
	if err != nil || name == "" {
		c.answer(http.StatusBadRequest, map[string]any{"error": "InvalidUpload", "description": "The upload is not whole"})
		return
	}
	if c.r.ContentLength >= 0 && int64(len(data)) != c.r.ContentLength {
		c.answer(http.StatusBadRequest, map[string]any{"error": "InvalidUpload", "description": "The upload is not whole"})
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	f := &file{id: d.number(), name: name, kind: c.r.Header.Get("Content-Type"), data: data}
	f.token = fmt.Sprintf("tyBq1ms40dFaHefSIigxZpwGg%d", f.id)
	d.files[f.id] = f
	token := fmt.Sprintf("LXJdriewLBP8JrtzzkN7Ne4k6%d", f.id)
	d.uploads[token] = &upload{at: d.now(), files: []*file{f}}
	shown := d.filesJSON(c.r.Host, []*file{f})
	c.answer(http.StatusCreated, map[string]any{"upload": map[string]any{"token": token, "attachment": shown[0], "attachments": shown}})
}

// Infect marks a file as one in which malware was found.
func (d *Double) Infect(id int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files[id].malware = true
}

func (d *Double) filesJSON(host string, files []*file) []any {
	out := []any{}
	for _, f := range files {
		// Brackets need not be escaped in a query (RFC 3986, section 3.4).
		link := "http://" + host + "/attachments/token/" + f.token + "/?name=" + brackets.Replace(url.QueryEscape(f.name))
		scan := "malware_not_found"
		if f.malware {
			scan = "malware_found"
		}
		out = append(out, map[string]any{
			"id": f.id, "file_name": f.name, "content_url": link, "mapped_content_url": link, "content_type": f.kind, "size": len(f.data),
			"inline": f.inline, "deleted": false, "malware_access_override": false, "malware_scan_result": scan, "thumbnails": []any{},
			"url": "http://" + host + "/api/v2/attachments/" + strconv.FormatInt(f.id, 10) + ".json",
		})
	}
	return out
}

func (d *Double) attachment(c *call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[c.id()]
	if f == nil {
		c.notFound()
		return
	}
	c.answer(http.StatusOK, map[string]any{"attachment": d.filesJSON(c.r.Host, []*file{f})[0]})
}

// content points to the host that has the bytes, with a signature in the address.
func (d *Double) content(w http.ResponseWriter, r *http.Request) {
	if d.opt.Media == "" {
		d.serve(w, r.PathValue("token"))
		return
	}
	http.Redirect(w, r, d.opt.Media+"/"+r.PathValue("token")+"?signature=s", http.StatusFound)
}

// Files is the other host: it knows nobody, and refuses credentials.
func (d *Double) Files() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if r.URL.Query().Get("signature") != "s" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		d.serve(w, strings.TrimPrefix(r.URL.Path, "/"))
	})
}

func (d *Double) serve(w http.ResponseWriter, token string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.files {
		if f.token == token {
			w.Header().Set("Content-Type", f.kind)
			_, _ = w.Write(f.data)
			return
		}
	}
	w.WriteHeader(http.StatusNotFound)
}
