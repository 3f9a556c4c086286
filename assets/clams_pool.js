/**
 * Cell of the data pool page that shows a share (0 to 1) as a bar with its percentage; words where there are no rows.
 */
(function () {
    "use strict";

    const components = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});

    /** Whole percent, but 100 only when nothing is missing and 0 only when nothing is there. */
    function percentOf(share) {
        if (share === 0 || share === 1) {
            return 100 * share;
        }
        return Math.min(99, Math.max(1, Math.round(100 * share)));
    }

    /** @param {{value: number|null|undefined}} props value: share of rows with a value */
    components.ClamsShare = function (props) {
        if (typeof props.value !== "number") {
            return React.createElement("span", { className: "clams-muted" }, "no rows");
        }
        const percent = percentOf(props.value) + "%";
        return React.createElement(
            "span",
            { className: "clams-share" },
            React.createElement("i", { style: { width: percent } }),
            React.createElement("span", null, percent)
        );
    };
})();
