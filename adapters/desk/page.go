package desk

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

//go:embed web
var web embed.FS

// contentPolicy lets the page load its own style and script and nothing else.
const contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// pages holds what the web page is made of.
type pages struct {
	server    *Server
	templates map[string]*template.Template
	markdown  *markdown
}

// errUpload is for a form that cannot be read.
var errUpload = errors.New("the form could not be read")

type pageHandler func(w http.ResponseWriter, r *http.Request, who Person) error

func (s *Server) pageRoutes(mux *http.ServeMux) error {
	p := &pages{server: s, templates: map[string]*template.Template{}, markdown: newMarkdown()}
	for _, name := range []string{"list", "ticket", "new", "error"} {
		t, err := template.New("layout.html").Funcs(p.functions()).ParseFS(web, "web/layout.html", "web/parts.html", "web/"+name+".html")
		if err != nil {
			return fmt.Errorf("read the template %s: %w", name, err)
		}
		p.templates[name] = t
	}
	for pattern, h := range map[string]pageHandler{
		"GET /{$}":                        p.list,
		"GET /new":                        p.newTicket,
		"GET /tickets/{key}":              p.ticket,
		"GET /tickets/{key}/files/{file}": p.file,
		"GET /events":                     p.events,
		"POST /person":                    p.choosePerson,
		"POST /tickets":                   p.create,
		"POST /tickets/{key}/comments":    p.comment,
		"POST /tickets/{key}/status":      p.status,
		"POST /tickets/{key}/edit":        p.edit,
		"POST /tickets/{key}/files":       p.attach,
	} {
		mux.HandleFunc(pattern, p.handle(h))
	}
	mux.HandleFunc("GET /assets/{name}", p.asset)
	return nil
}

func (p *pages) handle(h pageHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", contentPolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		who := p.person(r)
		if err := h(w, r, who); err != nil {
			p.fail(w, r, who, err)
		}
	}
}

// fail says what went wrong: to the page's script in plain words, else as a
// page from which the browser's Back returns to what was typed.
func (p *pages) fail(w http.ResponseWriter, r *http.Request, who Person, err error) {
	status, _ := statusOf(err)
	message := err.Error()
	switch {
	case errors.Is(err, errUpload):
		status = http.StatusBadRequest
	case status >= http.StatusInternalServerError:
		message = "The desk could not do that. Its journal may be in trouble: look at its folder."
	default:
		message = strings.TrimPrefix(message, errInvalid.Error()+": ")
	}
	if r.Header.Get("X-Desk-Script") != "" {
		http.Error(w, message, status)
		return
	}
	p.render(w, r, status, "error", who, "Not done", message)
}

// view is what every template gets.
type view struct {
	Desk   string
	Title  string
	Who    Person
	People []Person
	Here   string // path and query, to come back to
	Data   any
}

func (p *pages) render(w http.ResponseWriter, r *http.Request, status int, name string, who Person, title string, data any) {
	v := view{
		Desk: p.server.options.Name, Title: title, Who: who, People: p.server.options.People,
		Here: r.URL.RequestURI(), Data: data,
	}
	if r.Method != http.MethodGet {
		v.Here = "/"
	}
	var out bytes.Buffer
	if err := p.templates[name].Execute(&out, v); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = out.WriteTo(w)
}

func (p *pages) functions() template.FuncMap {
	return template.FuncMap{
		"markdown": func(key string, files []wireFile, text string) template.HTML {
			return p.markdown.html(pointed(key, files, text))
		},
		"stamp":    func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") },
		"iso":      func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"slug":     func(v any) string { return strings.ReplaceAll(strings.ToLower(fmt.Sprint(v)), " ", "-") },
		"show":     show,
		"initials": initials,
		"size":     humanSize,
	}
}

// show is a field's value as people read it.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case []any:
		words := make([]string, len(v))
		for i, x := range v {
			words[i] = show(x)
		}
		return strings.Join(words, ", ")
	case map[string]any:
		return showObject(v)
	default:
		return fmt.Sprint(v)
	}
}

func showObject(m map[string]any) string {
	switch {
	case m["type"] != nil:
		return show(m["type"]) + " " + show(m["key"])
	case m["value"] != nil && m["child"] != nil:
		return show(m["value"]) + " / " + show(m["child"])
	case m["value"] != nil:
		return show(m["value"])
	case m["name"] != nil:
		return show(m["name"])
	default:
		return show(m["key"])
	}
}

func initials(name string) string {
	var out []rune
	for _, word := range strings.Fields(name) {
		out = append(out, []rune(word)[0])
	}
	if len(out) > 2 {
		out = []rune{out[0], out[len(out)-1]}
	}
	return strings.ToUpper(string(out))
}

func humanSize(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	default:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
}

const iconFormat = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="6" fill="%s"/>` +
	`<path d="M6 9h12M6 14h12" stroke="#fff" stroke-width="2.6" stroke-linecap="round"/></svg>`

// asset serves style and script. The accent colour comes as a style of its
// own: the policy allows no inline one.
func (p *pages) asset(w http.ResponseWriter, r *http.Request) {
	kinds := map[string]string{"desk.css": "text/css; charset=utf-8", "desk.js": "text/javascript; charset=utf-8"}
	name := r.PathValue("name")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-cache")
	switch name {
	case "theme.css":
		w.Header().Set("Content-Type", kinds["desk.css"])
		_, _ = fmt.Fprintf(w, ":root { --accent: %s; }\n", p.server.options.Accent)
		return
	case "icon.svg":
		w.Header().Set("Content-Type", "image/svg+xml")
		_, _ = fmt.Fprintf(w, iconFormat, p.server.options.Accent)
		return
	}
	raw, err := web.ReadFile("web/" + name)
	if kinds[name] == "" || err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kinds[name])
	_, _ = w.Write(raw)
}

// person is who sits at the page: the cookie's choice, or the first of the
// desk. The cookie has the desk's name in it, since cookies do not tell ports
// apart and two desks may run on one machine.
func (p *pages) person(r *http.Request) Person {
	if c, err := r.Cookie(p.cookie()); err == nil {
		for _, who := range p.server.options.People {
			if who.ID == c.Value {
				return who
			}
		}
	}
	return p.server.options.People[0]
}

func (p *pages) cookie() string { return "desk-" + p.server.journal.id }

func (p *pages) choosePerson(w http.ResponseWriter, r *http.Request, _ Person) error {
	http.SetCookie(w, &http.Cookie{
		Name: p.cookie(), Value: r.PostFormValue("person"), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		MaxAge: int((365 * 24 * time.Hour).Seconds()),
	})
	back := r.PostFormValue("back")
	// Only a path of ours: "//host" would lead away.
	if !strings.HasPrefix(back, "/") || strings.HasPrefix(back, "//") || strings.Contains(back, `\`) {
		back = "/"
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
	return nil
}

func (p *pages) events(w http.ResponseWriter, r *http.Request, _ Person) error {
	p.server.stream(w, r)
	return nil
}
