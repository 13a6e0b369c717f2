package desk

import "net/http"

func (s *Server) pageRoutes(*http.ServeMux) error { return nil }
