// SPDX-License-Identifier: MIT
//
// The connections in time, and a brush that chooses a range: a bar each while they are few, else how many are open and how many fail.

const timeline = document.getElementById("timeline");
const canvas = timeline.querySelector("canvas");
const cover = d3.select("#timeline svg");
const EACH_MOST = 400, MARGIN = {left: 12, right: 12, top: 8, bottom: 20};
const timeAxis = cover.append("g").attr("class", "axis");
const timeScale = d3.scaleLinear();
const brushLayer = cover.append("g").attr("class", "brush");
let bars = [], moving = false;

const brush = d3.brushX().on("end", function (event) {
    const happened = d3.event || event;
    if (moving || !happened.sourceEvent) return;
    if (happened.selection) change({time: happened.selection.map((x) => timeScale.invert(x))});
    else if (state.time) change({time: null});
    else pickBar(happened.sourceEvent);
});

function pickBar(pointer) {
    const frame = canvas.getBoundingClientRect(), x = pointer.clientX - frame.left, y = pointer.clientY - frame.top;
    const hit = bars.find((bar) => x >= bar.x - 2 && x <= bar.x + bar.width + 2 && y >= bar.y - 1 && y <= bar.y + bar.height + 1);
    if (hit) change({socket: hit.socket});
}

// The first free lane each; later ones share when there is no more space.
function lanesOf(list, most) {
    const ends = [];
    return list.map((socket) => {
        let lane = ends.findIndex((end) => end <= socket.start);
        if (lane < 0) lane = ends.length < most ? ends.length : ends.indexOf(d3.min(ends));
        ends[lane] = Math.max(socket.end, socket.start + (lastTime - firstTime) / 400);
        return lane;
    });
}

function drawEach(context, list, height, colour) {
    const sorted = [...list].sort((a, b) => a.start - b.start), most = Math.floor(height / 5);
    const lanes = lanesOf(sorted, most), used = (d3.max(lanes) ?? 0) + 1, step = Math.min(13, height / used);
    bars = sorted.map((socket, i) => {
        const x = timeScale(socket.start);
        return {socket, x, width: Math.max(3, timeScale(socket.end) - x), y: MARGIN.top + lanes[i] * step, height: Math.max(2, step - 2)};
    });
    for (const bar of bars) {
        context.fillStyle = colour(bar.socket.failed ? "failed" : transportClass(bar.socket.transport));
        context.fillRect(bar.x, bar.y, bar.width, bar.height);
        if (bar.socket !== state.socket) continue;
        context.strokeStyle = colour("text");
        context.strokeRect(bar.x - 1.5, bar.y - 1.5, bar.width + 3, bar.height + 3);
    }
}

function drawSums(context, list, width, height, colour) {
    const columns = Math.max(1, Math.floor(width)), open = new Float64Array(columns + 1), failed = new Float64Array(columns);
    const column = (time) => Math.max(0, Math.min(columns - 1, Math.floor(timeScale(time) - MARGIN.left)));
    for (const socket of list) {
        if (socket.state === "failed") {
            failed[column(socket.end)]++;
            continue;
        }
        open[column(socket.start)]++;
        open[column(socket.end) + 1]--;
    }
    for (let i = 1; i <= columns; i++) open[i] += open[i - 1];
    const y = d3.scaleLinear([0, Math.max(1, d3.max(open))], [0, height - 16]);
    const red = d3.scaleSqrt([0, Math.max(1, d3.max(failed))], [0, height / 3]);
    bars = [];
    for (let i = 0; i < columns; i++) {
        context.fillStyle = colour("area");
        context.fillRect(MARGIN.left + i, MARGIN.top + height - y(open[i]), 1, y(open[i]));
        if (!failed[i]) continue;
        context.fillStyle = colour("failed");
        context.fillRect(MARGIN.left + i - 0.5, MARGIN.top + height - red(failed[i]), 2, red(failed[i]));
    }
    context.fillStyle = colour("muted");
    context.font = "11px system-ui, sans-serif";
    context.fillText(`at most ${countText(d3.max(open), "connection")} at once`, MARGIN.left + 4, MARGIN.top + 10);
}

function drawTimeline() {
    const {width, height} = timeline.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
    if (!width) return;
    const context = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const innerHeight = height - MARGIN.top - MARGIN.bottom;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    context.scale(ratio, ratio);
    timeScale.domain([firstTime, lastTime]).range([MARGIN.left, width - MARGIN.right]);
    if (shown.connections.length <= EACH_MOST) drawEach(context, shown.connections, innerHeight, colour);
    else drawSums(context, shown.connections, width - MARGIN.left - MARGIN.right, innerHeight, colour);
    const seconds = d3.scaleLinear([(firstTime - data.origin_us) / 1e6, (lastTime - data.origin_us) / 1e6], timeScale.range());
    cover.attr("viewBox", `0 0 ${width} ${height}`);
    timeAxis.attr("transform", `translate(0,${height - MARGIN.bottom})`)
        .call(d3.axisBottom(seconds).ticks(Math.max(2, width / 110)).tickFormat((value) => `${+value.toPrecision(6)} s`).tickSizeOuter(0));
    brush.extent([[MARGIN.left, 2], [width - MARGIN.right, height - MARGIN.bottom]]);
    moving = true;
    brushLayer.call(brush).call(brush.move, state.time ? state.time.map(timeScale) : null);
    moving = false;
}

timeline.addEventListener("keydown", (event) => {
    const all = lastTime - firstTime, step = (event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0) * all / 40;
    if (event.key === "Escape" && state.time) change({time: null});
    else if (!step) return;
    else if (!state.time) change({time: [firstTime, firstTime + all / 10]});
    else if (event.shiftKey) change({time: [state.time[0], Math.max(state.time[0] + all / 1000, Math.min(lastTime, state.time[1] + step))]});
    else {
        const shift = Math.max(firstTime - state.time[0], Math.min(lastTime - state.time[1], step));
        change({time: state.time.map((time) => time + shift)});
    }
    event.preventDefault();
});
