# shellcheck shell=bash disable=SC2154 # the others assign dir and cache
# Sourced by hack/cluster.sh: processes of the instance in $dir, each with a file for its process id and one for its output.

listens() { # port [host]
  (exec 3<>"/dev/tcp/${2:-127.0.0.1}/$1") 2>/dev/null
}

# Ports below 32768 are not handed out to outgoing connections, so a free one is likely to stay free until it is bound.
free_port() {
  local try port
  for ((try = 0; try < 50; try++)); do
    port=$((20000 + RANDOM % 12000))
    listens "$port" || { echo "$port"; return; }
  done
  die "found no free port"
}

# Prints the process id of a program of this instance if that process is still it, whatever has got the number since.
pid_of() { # name
  local pid command
  pid=$(cat "$dir/$1.pid" 2>/dev/null) || return 1
  if [[ -r /proc/$pid/cmdline ]]; then
    command=$(tr '\0' ' ' <"/proc/$pid/cmdline")
  else
    command=$(ps -p "$pid" -o command= 2>/dev/null) || return 1
  fi
  [[ $command == *"$dir/"* ]] && echo "$pid"
}

# Starts a program in a session of its own: an interrupt typed at a test is not meant for it. Until the new process runs
# the program it is not yet what pid_of looks for, and on a busy machine that takes a while.
launch() { # name program [argument …]
  local session=nohup t
  command -v setsid >/dev/null && session=setsid
  "$session" "${@:2}" >>"$dir/$1.log" 2>&1 </dev/null 9>&- &
  echo $! >"$dir/$1.pid"
  for ((t = 0; t < 600; t++)); do
    if pid_of "$1" >/dev/null || ! kill -0 "$!" 2>/dev/null; then return; fi
    sleep 0.05
  done
}

await_end() { # name [seconds]
  local t pid
  pid=$(pid_of "$1") || return 0
  kill "$pid" 2>/dev/null || true
  for ((t = 0; t < 10 * ${2:-5}; t++)); do pid_of "$1" >/dev/null || return 0; sleep 0.1; done
  kill -9 "$pid" 2>/dev/null || true
  for ((t = 0; t < 50; t++)); do pid_of "$1" >/dev/null || return 0; sleep 0.1; done
}
