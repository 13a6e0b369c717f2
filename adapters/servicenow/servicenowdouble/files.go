package servicenowdouble

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"strconv"
)

const largest = 10 << 20

func (d *Double) upload(c *call) {
	q := c.r.URL.Query()
	if q.Get("table_name") == "" || q.Get("table_sys_id") == "" || q.Get("file_name") == "" || c.r.Header.Get("Content-Type") == "" {
		c.fail(http.StatusBadRequest, "Invalid request", "table_name, table_sys_id, file_name and Content-Type are mandatory")
		return
	}
	// Nothing is kept before all of it came.
	data, err := io.ReadAll(io.LimitReader(c.r.Body, largest+1))
	if err != nil {
		c.fail(http.StatusBadRequest, "Invalid request", "the upload is broken")
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settle()
	t := d.tables[q.Get("table_name")]
	if t == nil || t.rows[q.Get("table_sys_id")] == nil || d.hides(c, t, t.rows[q.Get("table_sys_id")]) {
		c.fail(http.StatusNotFound, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
		return
	}
	if len(data) > largest {
		c.fail(http.StatusRequestEntityTooLarge, "File too large", "")
		return
	}
	sum := sha256.Sum256(data)
	r := d.put("sys_attachment", c.me.Login, map[string]string{
		"table_name": t.name, "table_sys_id": q.Get("table_sys_id"), "file_name": q.Get("file_name"),
		"content_type": c.r.Header.Get("Content-Type"), "size_bytes": strconv.Itoa(len(data)), "hash": hex.EncodeToString(sum[:]),
		"compressed": "true", "state": "available", "size_compressed": strconv.Itoa(len(data)),
	})
	id := r.data["sys_id"]
	d.bytes[id] = bytes.Clone(data)
	body := map[string]string{"download_link": "https://instance.servicenow.com/api/now/attachment/" + id + "/file"}
	maps.Copy(body, r.data)
	delete(body, "hash") // the API does not show it, the table does
	c.w.Header().Set("Location", "https://instance.servicenow.com/api/now/attachment/"+id)
	c.answer(http.StatusCreated, map[string]any{"result": body})
}

func (d *Double) download(c *call) {
	d.mu.Lock()
	r := d.tables["sys_attachment"].rows[c.r.PathValue("id")]
	hidden := r == nil || d.hides(c, d.tables["sys_attachment"], r)
	data := d.bytes[c.r.PathValue("id")]
	d.mu.Unlock()
	if hidden {
		c.fail(http.StatusNotFound, "No Record found", "Attachment record doesn't exist or ACL restricts the record retrieval")
		return
	}
	c.w.Header().Set("Content-Type", r.data["content_type"])
	c.w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = c.w.Write(data)
}
