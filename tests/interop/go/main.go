// Command checklog reads a tiled transparency log (c2sp.org/tlog-tiles) and checks all of it, with the packages that Go
// itself uses for its checksum database and with nothing of the project whose logs it is here to check.
//
//	checklog -vkey KEY [-vkey KEY...] [-saved FILE...] LOG
//
// LOG is a folder or an http URL below which `checkpoint` and `tile/...` lie. It checks the checkpoint's signature; every
// tile against the root; the inclusion of every leaf; every entry against its leaf; the root recomputed from all entries;
// that each saved checkpoint is signed and a prefix of the log; and the consistency between any two of them all.
//
// It prints what it checked as one JSON object and ends with 0; with 1 and a sentence if it refuses the log.
package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height    = 8
	fullWidth = 1 << height
	// How many hashes are asked for at once: each request authenticates the tiles it needs.
	batch = 8192
)

var errMissing = errors.New("not there")

// A source gives the files of a log, or errMissing.
type source func(path string) ([]byte, error)

func open(log string) source {
	if strings.HasPrefix(log, "http://") || strings.HasPrefix(log, "https://") {
		return func(path string) ([]byte, error) { return get(strings.TrimSuffix(log, "/") + "/" + path) }
	}
	return func(path string) ([]byte, error) {
		raw, err := os.ReadFile(filepath.Join(log, filepath.FromSlash(path)))
		if errors.Is(err, os.ErrNotExist) {
			return nil, errMissing
		}
		return raw, err
	}
}

func get(url string) ([]byte, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNotFound {
		return nil, errMissing
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", url, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

// numbered is how C2SP spells number and width of a tile; sumdb's Tile.Path has the height in front and "data" for
// entries, but numbers tiles in the same way.
func numbered(number int64, width int) string {
	text := fmt.Sprintf("%03d", number%1000)
	for number >= 1000 {
		number /= 1000
		text = fmt.Sprintf("x%03d/%s", number%1000, text)
	}
	if width != fullWidth {
		text += fmt.Sprintf(".p/%d", width)
	}
	return text
}

// read gives the file of a tile or bundle and its width, which is that of the full one if the partial one is gone.
func (s source) read(prefix string, number int64, width int) ([]byte, int, error) {
	path := prefix + numbered(number, width)
	raw, err := s(path)
	if err == errMissing && width != fullWidth {
		width = fullWidth
		raw, err = s(prefix + numbered(number, width))
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	return raw, width, nil
}

// tiles is the tlog.TileReader of a log with the paths of C2SP. What it gives is not trusted: TileHashReader checks it.
type tiles struct{ from source }

func (t tiles) Height() int { return height }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, len(wanted))
	for i, tile := range wanted {
		prefix := fmt.Sprintf("tile/%d/", tile.L)
		raw, width, err := t.from.read(prefix, tile.N, tile.W)
		if err != nil {
			return nil, err
		}
		if len(raw) != width*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes, not %d hashes", prefix+numbered(tile.N, width), len(raw), width)
		}
		found[i] = raw[:tile.W*tlog.HashSize]
	}
	return found, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// hashes are all hashes of a tree in the order in which tlog stores them.
type hashes []tlog.Hash

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(h)) {
			return nil, fmt.Errorf("hash %d is beyond the tree", index)
		}
		found[i] = h[index]
	}
	return found, nil
}

// root is tlog.TreeHash, which in some versions knows no hash of an empty tree.
func root(size int64, reader tlog.HashReader) (tlog.Hash, error) {
	if size == 0 {
		return sha256.Sum256(nil), nil
	}
	return tlog.TreeHash(size, reader)
}

// openCheckpoint gives the tree that a signed note speaks of: origin, size and root, each in a line.
func openCheckpoint(raw []byte, keys note.Verifiers) (tree tlog.Tree, origin string, err error) {
	opened, err := note.Open(raw, keys)
	if err != nil {
		return tree, "", err
	}
	lines := strings.SplitN(opened.Text, "\n", 4)
	if len(lines) != 4 || lines[3] != "" {
		return tree, "", fmt.Errorf("a checkpoint has three lines, not %q", opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || lines[1] != strconv.FormatInt(size, 10) {
		return tree, "", fmt.Errorf("%q is not the size of a log", lines[1])
	}
	hash, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(hash) != tlog.HashSize {
		return tree, "", fmt.Errorf("%q is not the root of a log", lines[2])
	}
	for _, signature := range opened.Sigs {
		if signature.Name == lines[0] {
			copy(tree.Hash[:], hash)
			tree.N = size
			return tree, lines[0], nil
		}
	}
	return tree, "", fmt.Errorf("the checkpoint of %q is signed in another name", lines[0])
}

// readHashes gives every hash of the tree from its tiles.
//
// TileHashReader is meant to authenticate them all. As of x/mod 0.7.0 it counts subtrees where it should count tiles and
// so leaves some full tiles unchecked; that is why check compares every hash with those of the entries, whose root is the
// signed one, before it proves anything by them.
func readHashes(from source, tree tlog.Tree) (hashes, error) {
	all := make(hashes, 0, tlog.StoredHashCount(tree.N))
	proved := tlog.TileHashReader(tree, tiles{from})
	for len(all) < cap(all) {
		var indexes []int64
		for index := len(all); index < cap(all) && index < len(all)+batch; index++ {
			indexes = append(indexes, int64(index))
		}
		found, err := proved.ReadHashes(indexes)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// readEntries recomputes every hash of the tree from its entries.
func readEntries(from source, size int64) (hashes, error) {
	var all hashes
	for n := int64(0); n < size; {
		number, width := n/fullWidth, fullWidth
		if size-n < fullWidth {
			width = int(size - n)
		}
		raw, stored, err := from.read("tile/entries/", number, width)
		if err != nil {
			return nil, err
		}
		for place := 0; place < stored; place++ {
			if len(raw) < 2 || len(raw)-2 < int(binary.BigEndian.Uint16(raw)) {
				return nil, fmt.Errorf("entry bundle %d ends too early", number)
			}
			end := 2 + int(binary.BigEndian.Uint16(raw))
			if place < width {
				made, err := tlog.StoredHashesForRecordHash(n, tlog.RecordHash(raw[2:end]), all)
				if err != nil {
					return nil, err
				}
				all = append(all, made...)
				n++
			}
			raw = raw[end:]
		}
		if len(raw) != 0 {
			return nil, fmt.Errorf("entry bundle %d goes on after its entries", number)
		}
	}
	return all, nil
}

// checkInclusions proves every leaf to be in the tree.
func checkInclusions(tree tlog.Tree, all hashes) (int, error) {
	for n := int64(0); n < tree.N; n++ {
		proof, err := tlog.ProveRecord(tree.N, n, all)
		if err != nil {
			return 0, err
		}
		leaf := all[tlog.StoredHashIndex(0, n)]
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, n, leaf); err != nil {
			return 0, fmt.Errorf("leaf %d: %w", n, err)
		}
	}
	return int(tree.N), nil
}

// checkConsistency proves of any two trees that the smaller is the beginning of the larger.
func checkConsistency(trees []tlog.Tree, all hashes) (int, error) {
	sort.SliceStable(trees, func(i, j int) bool { return trees[i].N < trees[j].N })
	checked := 0
	for i, newer := range trees {
		own, err := root(newer.N, all)
		if err != nil {
			return 0, err
		}
		if own != newer.Hash {
			return 0, fmt.Errorf("the checkpoint of size %d is none of this log", newer.N)
		}
		for _, older := range trees[:i] {
			if older.N > 0 {
				proof, err := tlog.ProveTree(newer.N, older.N, all)
				if err != nil {
					return 0, err
				}
				if err := tlog.CheckTree(proof, newer.N, newer.Hash, older.N, older.Hash); err != nil {
					return 0, fmt.Errorf("from size %d to %d: %w", older.N, newer.N, err)
				}
			}
			checked++
		}
	}
	return checked, nil
}

type report struct {
	Origin      string `json:"origin"`
	Size        int64  `json:"size"`
	Root        string `json:"root"`
	Entries     int    `json:"entries"`
	Inclusions  int    `json:"inclusions"`
	Consistency int    `json:"consistency"`
}

func check(log string, keys note.Verifiers, saved []string) (*report, error) {
	from := open(log)
	raw, err := from("checkpoint")
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	tree, origin, err := openCheckpoint(raw, keys)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	trees := []tlog.Tree{tree}
	for _, file := range saved {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		older, itsOrigin, err := openCheckpoint(raw, keys)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if itsOrigin != origin || older.N > tree.N {
			return nil, fmt.Errorf("%s: %s at size %d, and the log is %s at %d", file, itsOrigin, older.N, origin, tree.N)
		}
		trees = append(trees, older)
	}
	all, err := readHashes(from, tree)
	if err != nil {
		return nil, err
	}
	computed, err := readEntries(from, tree.N)
	if err != nil {
		return nil, err
	}
	for index, hash := range computed {
		if hash != all[index] {
			level, n := tlog.SplitStoredHashIndex(int64(index))
			return nil, fmt.Errorf("the entries have another hash %d of level %d than the tiles", n, level)
		}
	}
	if own, err := root(tree.N, computed); err != nil || own != tree.Hash {
		return nil, fmt.Errorf("the entries have the root %v, not %v (%v)", own, tree.Hash, err)
	}
	inclusions, err := checkInclusions(tree, all)
	if err != nil {
		return nil, err
	}
	consistency, err := checkConsistency(trees, all)
	if err != nil {
		return nil, err
	}
	return &report{origin, tree.N, tree.Hash.String(), int(tree.N), inclusions, consistency}, nil
}

type list []string

func (l *list) String() string { return strings.Join(*l, " ") }

func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

func main() {
	var vkeys, saved list
	flag.Var(&vkeys, "vkey", "a `key` that signs for the log")
	flag.Var(&saved, "saved", "a `file` with a checkpoint of the log, kept from before")
	flag.Parse()
	var known []note.Verifier
	for _, vkey := range vkeys {
		verifier, err := note.NewVerifier(vkey)
		if err != nil {
			fmt.Fprintln(os.Stderr, "checklog:", err)
			os.Exit(2)
		}
		known = append(known, verifier)
	}
	if flag.NArg() != 1 || len(known) == 0 {
		flag.Usage()
		os.Exit(2)
	}
	found, err := check(flag.Arg(0), note.VerifierList(known...), saved)
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(found)
}
