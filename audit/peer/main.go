// Verifies a log of Signet by the libraries of the Go checksum database, which know nothing of it.
//
//	peer DIRECTORY VERIFIER-KEY PROOFS
//
// DIRECTORY holds the log: checkpoint, tile/L/N, tile/entries/N. PROOFS has a line for each proof:
// "inclusion INDEX HASH..." or "consistency SIZE HASH...", hashes in base64, about the tree of the
// checkpoint. It prints "size N, N entries, N proofs" when all is good.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The height of tiles in C2SP tlog-tiles.
const height = 8

type tiles struct{ directory string }

func (t tiles) Height() int { return height }

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles maps "tile/8/L/N" of Go to "tile/L/N" of C2SP.
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		content, err := os.ReadFile(filepath.Join(t.directory, path))
		if err != nil {
			return nil, err
		}
		found = append(found, content)
	}
	return found, nil
}

func entries(directory string, number, size int64) ([][]byte, error) {
	width := min(size-number*256, 256)
	tile := tlog.Tile{H: height, L: -1, N: number, W: int(width)}
	path := strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1)
	content, err := os.ReadFile(filepath.Join(directory, path))
	if err != nil {
		return nil, err
	}
	var found [][]byte
	for len(content) > 0 {
		length := int(binary.BigEndian.Uint16(content))
		found = append(found, content[2:2+length])
		content = content[2+length:]
	}
	if int64(len(found)) != width {
		return nil, fmt.Errorf("%s has %d entries, not %d", path, len(found), width)
	}
	return found, nil
}

func hashes(words []string) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, word := range words {
		hash, err := tlog.ParseHash(word)
		if err != nil {
			return nil, err
		}
		found = append(found, hash)
	}
	return found, nil
}

func run(directory, key, proofs string) error {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	checkpoint, err := os.ReadFile(filepath.Join(directory, "checkpoint"))
	if err != nil {
		return err
	}
	opened, err := note.Open(checkpoint, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	lines := strings.Split(opened.Text, "\n")
	if lines[0] != verifier.Name() {
		return fmt.Errorf("origin %q, not %q", lines[0], verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return err
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return err
	}
	tree := tlog.Tree{N: size, Hash: root}

	// The reader authenticates each tile against the root.
	reader := tlog.TileHashReader(tree, tiles{directory})
	count := int64(0)
	for number := int64(0); number*256 < size; number++ {
		bundle, err := entries(directory, number, size)
		if err != nil {
			return err
		}
		for _, entry := range bundle {
			proof, err := tlog.ProveRecord(size, count, reader)
			if err != nil {
				return err
			}
			if err := tlog.CheckRecord(proof, size, root, count, tlog.RecordHash(entry)); err != nil {
				return fmt.Errorf("entry %d: %w", count, err)
			}
			count++
		}
	}

	content, err := os.ReadFile(proofs)
	if err != nil {
		return err
	}
	checked := 0
	for _, line := range strings.Split(strings.TrimSpace(string(content)), "\n") {
		words := strings.Fields(line)
		number, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil {
			return err
		}
		proof, err := hashes(words[2:])
		if err != nil {
			return err
		}
		switch words[0] {
		case "inclusion":
			bundle, err := entries(directory, number/256, size)
			if err != nil {
				return err
			}
			leaf := tlog.RecordHash(bundle[number%256])
			if err := tlog.CheckRecord(proof, size, root, number, leaf); err != nil {
				return fmt.Errorf("%s: %w", line, err)
			}
		case "consistency":
			before, err := tlog.TreeHash(number, reader)
			if err != nil {
				return err
			}
			if err := tlog.CheckTree(proof, size, root, number, before); err != nil {
				return fmt.Errorf("%s: %w", line, err)
			}
		default:
			return fmt.Errorf("%q: expected inclusion or consistency", line)
		}
		checked++
	}
	fmt.Printf("size %d, %d entries, %d proofs\n", size, count, checked)
	return nil
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: peer DIRECTORY VERIFIER-KEY PROOFS")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}
