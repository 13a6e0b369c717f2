package once

// Rows keeps the first row of each key, in the order of the rows.
func Rows[T any, K comparable](all []T, key func(*T) K) []T {
	seen := make(map[K]bool, len(all))
	out := all[:0:0]
	for i := range all {
		k := key(&all[i])
		if !seen[k] {
			seen[k] = true
			out = append(out, all[i])
		}
	}
	return out
}
