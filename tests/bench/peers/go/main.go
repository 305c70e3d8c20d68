// SPDX-License-Identifier: MIT

// A plain chat server with Redis, for comparison: a list with the latest messages of each room, a channel for each room,
// a goroutine that writes for each member. No accounts, no order that is promised, no answers.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/gorilla/websocket"
)

const (
	channelPrefix = "chat:"
	historyPrefix = "chat_history:"
	historyMax    = 1000
	historyOnJoin = 50
	queueMax      = 1024
)

type message struct {
	User   string `json:"user"`
	Room   string `json:"room"`
	Text   string `json:"text"`
	Typing bool   `json:"typing"`
	Ts     int64  `json:"ts"`
}

type member struct {
	conn *websocket.Conn
	room string
	user string
	out  chan []byte
}

type server struct {
	pool     *redis.Pool
	upgrader websocket.Upgrader
	count    atomic.Int64
	mutex    sync.RWMutex
	rooms    map[string]map[*member]bool
}

func (s *server) add(m *member) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.rooms[m.room] == nil {
		s.rooms[m.room] = map[*member]bool{}
	}
	s.rooms[m.room][m] = true
}

func (s *server) remove(m *member) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.rooms[m.room], m)
	if len(s.rooms[m.room]) == 0 {
		delete(s.rooms, m.room)
	}
	close(m.out)
}

// Whoever is too far behind is dropped: the reader notices and removes the member.
func (s *server) fanOut(room string, payload []byte) {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	for m := range s.rooms[room] {
		select {
		case m.out <- payload:
		default:
			m.conn.Close()
		}
	}
}

// One subscription of the process for all rooms.
func (s *server) subscribe() error {
	subscription := redis.PubSubConn{Conn: s.pool.Get()}
	defer subscription.Close()
	if err := subscription.PSubscribe(channelPrefix + "*"); err != nil {
		return err
	}
	for {
		switch event := subscription.Receive().(type) {
		case redis.Message:
			s.fanOut(event.Channel[len(channelPrefix):], event.Data)
		case error:
			return event
		}
	}
}

func (s *server) say(m *member, text string) error {
	payload, err := json.Marshal(message{m.user, m.room, text, false, time.Now().UnixMilli()})
	if err != nil {
		return err
	}
	conn := s.pool.Get()
	defer conn.Close()
	if _, err = conn.Do("RPUSH", historyPrefix+m.room, payload); err != nil {
		return err
	}
	if _, err = conn.Do("LTRIM", historyPrefix+m.room, -historyMax, -1); err != nil {
		return err
	}
	_, err = conn.Do("PUBLISH", channelPrefix+m.room, payload)
	return err
}

func (s *server) history(m *member) error {
	conn := s.pool.Get()
	defer conn.Close()
	payloads, err := redis.ByteSlices(conn.Do("LRANGE", historyPrefix+m.room, -historyOnJoin, -1))
	for _, payload := range payloads {
		m.out <- payload
	}
	return err
}

func (m *member) write() {
	for payload := range m.out {
		if m.conn.WriteMessage(websocket.TextMessage, payload) != nil {
			m.conn.Close()
		}
	}
}

func (s *server) read(m *member) error {
	var request struct {
		Text   string `json:"text"`
		Typing bool   `json:"typing"`
	}
	for {
		_, data, err := m.conn.ReadMessage()
		if err != nil {
			return nil // it has left
		}
		request.Text, request.Typing = "", false
		if json.Unmarshal(data, &request) != nil || request.Typing || request.Text == "" {
			continue
		}
		if err = s.say(m, request.Text); err != nil {
			return err
		}
	}
}

func (s *server) serve(writer http.ResponseWriter, request *http.Request) {
	conn, err := s.upgrader.Upgrade(writer, request, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	room := request.URL.Query().Get("room")
	if room == "" {
		room = "general"
	}
	m := &member{conn, room, fmt.Sprintf("u%d", s.count.Add(1)), make(chan []byte, queueMax)}
	go m.write()
	defer s.remove(m)
	if err = s.history(m); err == nil {
		s.add(m)
		err = s.read(m)
	}
	if err != nil {
		log.Print(err)
	}
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: main PORT REDIS-HOST:PORT")
	}
	address := os.Args[2]
	s := &server{
		pool:  &redis.Pool{MaxIdle: 64, Dial: func() (redis.Conn, error) { return redis.Dial("tcp", address) }},
		rooms: map[string]map[*member]bool{},
	}
	go func() { log.Fatal(s.subscribe()) }()
	http.HandleFunc("/ws", s.serve)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
