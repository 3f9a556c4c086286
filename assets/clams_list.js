/**
 * Cell of the case list that opens a case: a real link, so it works by keyboard and can be opened in a new tab.
 */
(function () {
    "use strict";

    function openInPlace(event) {
        if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) {
            return;
        }
        event.preventDefault();
        window.history.pushState({}, "", event.currentTarget.getAttribute("href"));
        window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
        window.scrollTo(0, 0);
    }

    window.dash_clientside = window.dash_clientside || {};
    window.dash_clientside.clams_list = {
        /** Make the grid drop the rows it holds and ask the server again, with the new search text. */
        fetch_again: function (search, gridId) {
            window.dash_ag_grid.getApi(gridId).purgeInfiniteCache();
            return window.dash_clientside.no_update;
        },
        /** Let the grid ask again for the rows it shows, where the list is the page: the pool has a new version. */
        refresh: function (wanted) {
            if (wanted && document.getElementById(wanted.grid)) {
                window.dash_ag_grid.getApi(wanted.grid).refreshInfiniteCache();
            }
            return window.dash_clientside.no_update;
        },
    };

    const components = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});

    /** @param {{value: string|undefined}} props value: the pseudonym */
    components.ClamsCaseLink = function (props) {
        if (!props.value) {
            return null;
        }
        return React.createElement(
            "a",
            { href: "/case/" + encodeURIComponent(props.value), onClick: openInPlace, className: "clams-case-link" },
            props.value
        );
    };
})();
